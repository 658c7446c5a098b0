// What one place says of the options: a file, the environment, flags, or code. Pure.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "accel/config.h"
#include "accel/status.h"
#include "config/option.h"

namespace accel::config {

struct Value {
  std::string text;    // canonical()
  std::string source;  // "config/backend.yaml:7", "ACCEL_DEVICE", "--device", "code", "default"
};

// By the option's key.
using Values = std::map<std::string_view, Value>;

struct Layer {
  Values all;
  std::map<std::string, Values, std::less<>> models;
};

// A file's text. `name` is the file's. INVALID_ARGUMENT names the file, the line and for an
// unknown key the nearest one; the same option by two of its names is refused.
//
// An entry of model_overrides (or models) is the name of a backend, or a mapping of options.
Result<Layer> layer_of_file(std::string_view text, std::string_view name);

// The value of an environment variable, or null.
using Variable = std::function<const char*(const char* name)>;

// An empty variable says nothing. INVALID_ARGUMENT names the variable.
Result<Layer> layer_of_environment(const Variable& variable);

// What code or flags give, by any of an option's names; `source` is said of each. Later ones win.
Result<Values> values_of_settings(std::span<const ConfigSetting> settings, std::string_view source,
                                  OptionScope scope);

}  // namespace accel::config
