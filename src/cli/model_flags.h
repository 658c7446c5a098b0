// The flags of every command that loads a model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "accel/engine.h"
#include "cli/flags.h"

namespace accel::cli {

struct ModelFlags {
  std::string model = "default";  // hub::kDefaultName
  std::string precision = "auto";
  std::string backend = "openvino";
  std::string kernels = "auto";
  std::string device = "CPU";
  int64_t streams = 0;
  int64_t threads = 0;
  std::string use_optimum = "auto";
  bool no_cache = false;
  std::string task;      // declared by the commands that have a choice
  bool profile = false;  // set by the command that needs it

  // Declares MODEL, which may be left out, and the flags.
  void declare(Flags& flags);
  // INVALID_ARGUMENT for a precision or a number that cannot be; else the errors of Engine::load.
  Result<std::shared_ptr<Model>> load(Engine& engine, Use use) const;
};

// "auto", "true" or "false": the choices of --use-optimum.
void declare_use_optimum(Flags& flags, std::string* value);
UseOptimum parse_use_optimum(std::string_view value);

// `status` with what has become of the device, if an earlier engine knew one of that name: asking
// for MYRIAD names NPU.
Status explain_device(const Status& status, std::string_view device);

}  // namespace accel::cli
