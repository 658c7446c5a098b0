// The flags of every command that loads a model.
#pragma once

#include <cstdint>
#include <string>

#include "accel/engine.h"
#include "cli/flags.h"

namespace accel::cli {

struct ModelFlags {
  std::string model;
  std::string precision = "auto";
  std::string backend = "openvino";
  std::string device = "CPU";
  int64_t streams = 0;
  int64_t threads = 0;

  // Declares MODEL and the flags.
  void declare(Flags& flags);
  // The same as options. INVALID_ARGUMENT for a precision or a number that cannot be.
  Result<LoadOptions> load_options() const;
};

}  // namespace accel::cli
