// What the guide to a new backend advises, held against this machine and its configuration: one
// model first, a fallback, measurements, AUTO and the fastest precision, a file of options, and the
// sources of converted models kept.
#pragma once

#include <string>
#include <vector>

#include "accel/config.h"
#include "accel/engine.h"
#include "cli/remembered_facts.h"

namespace accel::cli {

// A model of the configuration, and which of its forms are there.
struct NamedModel {
  std::string name;
  bool converted = false;  // a graph of OpenVINO IR
  bool source = false;     // what it was made from
};

struct PracticeFacts {
  std::string file;        // of options; empty: none
  std::string file_fault;  // why it cannot be read; the defaults hold then
  bool fallback = false;
  std::string device;
  std::string precision;
  std::vector<DeviceReport> devices;
  std::string engine;  // openvino here, as facts of tunings name it
  std::vector<RememberedFact> remembered;
  std::vector<NamedModel> models;
};

struct Practice {
  std::string name;
  bool kept = false;
  std::string found;
  std::string advice;  // empty when kept
};

// Pure.
std::vector<Practice> practices(const PracticeFacts& facts);

// The facts of this process: its configuration with the models named there. `devices` and
// `remembered` as doctor has them.
PracticeFacts practice_facts(const Result<Config>& config, Engine& engine,
                             std::vector<RememberedFact> remembered);

}  // namespace accel::cli
