// The options of accel, each described once: from this come reading and checking of files,
// environment and code, `accel config`, and docs/reference/configuration.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"

namespace accel::config {

enum class OptionType : uint8_t {
  kText,
  kChoice,      // one of `choices`, in any case
  kBool,        // true, false, yes, no, on, off
  kCount,       // a whole number from `least` to `most`
  kBytes,       // parse_size()
  kSeconds,     // a number from 0 on
  kPrecision,   // parse_precision()
  kDevice,      // a device's name, in any case
  kPriorities,  // a list of devices with weights, "GPU(1.5)"
  kShapes,      // a mapping from names to lists of sizes
  kCommands,    // a mapping from suffixes to programs with their arguments, command_text.h
  kRules,       // a list of mappings, or their text: parse_content_rules()
};

// Where an option belongs, and with what it may stand in a file.
enum class OptionGroup : uint8_t {
  kBackend,  // which engine: "backend: X", or "default: X" in the section backend
  kEngine,   // how it runs: in backend.openvino, or at the top
  kPlain,    // of the plain backend: in backend.pytorch or backend.reference
  kModel,    // which model: at the top, or of one model
  kManager,  // of the models in memory: in manager, or at the top
  kGpu,      // of GPUs: as kEngine
  kServer,   // of accel serve: in server, or at the top
};

enum class OptionScope : uint8_t {
  kAny,    // for all models and for one
  kAll,    // only for all models
  kModel,  // only for one
};

struct Option {
  std::string_view key;
  OptionType type;
  OptionGroup group;
  OptionScope scope;
  std::string_view default_text;  // in canonical form; empty: none
  std::string_view help;          // a sentence's end
  std::string_view choices = {};  // separated by spaces
  std::string_view aliases = {};  // likewise; names that mean the same
  std::string_view variable = {};
  std::string_view flag = {};  // of the commands that load models
  int64_t least = 0;
  int64_t most = 0;
};

// In the order of the reference page: by group, the most used first.
std::span<const Option> options();

// By key; null for another.
const Option* find_option(std::string_view key);

// Every name by which a file may call an option, dotted: "backend.openvino.device". `name` is one
// of them.
struct OptionName {
  std::string name;
  const Option* option;
};
std::span<const OptionName> option_names();
const Option* find_by_name(std::string_view name);

std::vector<std::string_view> words_of(std::string_view text);

// `text` checked and in the one form in which values are kept: "4GiB" is "4294967296", "FP16" is
// "f16", "yes" is "true". INVALID_ARGUMENT says what was expected and found, but not of what.
Result<std::string> canonical(const Option& option, std::string_view text);

// "a whole number from 0 to 1024": what values an option has, for messages and the reference.
std::string expected_text(const Option& option);

// A mapping's text, "pixel_values=[1,3,224,224] input_ids=[1,8]", in canonical form.
Result<std::vector<NamedShape>> parse_shapes(std::string_view text);

// A list of "GPU(1.5)" in canonical form: "GPU(1.5),CPU(1)". A device alone has the weight 1.
struct DeviceWeight {
  std::string device;
  double weight = 1;
};
Result<std::vector<DeviceWeight>> parse_priorities(std::string_view text);

}  // namespace accel::config
