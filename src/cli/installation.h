// What this program is made of and what it finds at run time: components with version and verdict,
// optional parts with what is lost without them, and why an engine cannot be used.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"

namespace accel::cli {

using OrderedJson = nlohmann::ordered_json;

// A part that accel does not work without.
struct Component {
  std::string name;
  std::string version;  // empty when it cannot be found out
  std::string minimum;
  bool fine = false;
  std::string reason;  // why not, in the loader's own words
  std::string remedy;  // the line that mends it
};

// A part that may be missing.
struct OptionalPart {
  std::string name;
  bool present = false;
  std::string found;    // where, or why not
  std::string without;  // what is lost
};

// What the engine reports, and beside its own words which library is missing, if one is.
std::vector<BackendReport> examine_backends(Engine& engine);

std::vector<Component> components(std::span<const BackendReport> backends);
std::vector<OptionalPart> optional_parts();

// Whether dotted `version` ("2026.4.0-21000-abc") is `minimum` ("2026.4") or later. Pure.
bool at_least(std::string_view version, std::string_view minimum);

// For people: each backend that cannot be used, why, and what to do; empty when all can.
std::string unavailable_text(std::span<const BackendReport> backends);

OrderedJson backends_json(std::span<const BackendReport> backends);

// `json` indented, with a line feed; invalid UTF-8 in it replaced.
std::string json_text(const OrderedJson& json);

}  // namespace accel::cli
