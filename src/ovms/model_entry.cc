#include "ovms/model_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/suggestion.h"
#include "base/try.h"

namespace accel::ovms {
namespace {

constexpr size_t kNameBytesMax = 256;
constexpr size_t kShownBytesMax = 80;

// What is being read, and what comes of it.
struct Reading {
  std::string_view place;
  ModelEntry& entry;
  Notices& notices;

  std::string at(std::string_view member) const {
    return fmt::format("{}{}", place, member.substr(0, kShownBytesMax));
  }
};

std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, kShownBytesMax);
}

Status expected(std::string_view what, const Json& found) {
  return invalid_argument(fmt::format("expected {}, found {}", what, shown(found)));
}

// A text or number as an option of accel takes it.
std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : shown(value);
}

// --- plugin_config -------------------------------------------------------------------------------

struct Property {
  std::string_view name;
  std::string_view key;  // accel's
};

constexpr std::array kProperties{
    Property{"CPU_THREADS_NUM", "threads"},       Property{"CPU_THROUGHPUT_STREAMS", "streams"},
    Property{"EXECUTION_MODE_HINT", "precision"}, Property{"GPU_THROUGHPUT_STREAMS", "streams"},
    Property{"INFERENCE_NUM_THREADS", "threads"}, Property{"INFERENCE_PRECISION_HINT", "precision"},
    Property{"NUM_STREAMS", "streams"},           Property{"PERFORMANCE_HINT", "performance_hint"},
};

// What the engine calls something else than accel does.
std::string accel_value(std::string_view property, std::string value) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::toupper(c); });
  if (property.ends_with("STREAMS") && value.ends_with("AUTO")) return "0";
  if (value == "CUMULATIVE_THROUGHPUT") return "THROUGHPUT";
  if (property == "EXECUTION_MODE_HINT" && value == "ACCURACY") return "f32";
  if (property == "EXECUTION_MODE_HINT" && value == "PERFORMANCE") return "auto";
  if (value == "DYNAMIC" || (value == "UNDEFINED" && property != "PERFORMANCE_HINT")) return "auto";
  return value;
}

Status read_plugin_config(const Json& value, const Reading& reading) {
  if (!value.is_object()) return expected(R"(an object, as {"NUM_STREAMS": "1"})", value);
  for (const auto& [name, given] : value.items()) {
    if (given.is_structured() || given.is_null()) {
      return expected("a text, a number or a boolean", given)
          .with_context(name.substr(0, kShownBytesMax));
    }
    const auto property = std::ranges::find(kProperties, name, &Property::name);
    const std::string source = reading.at("plugin_config." + name);
    if (property != kProperties.end()) {
      reading.entry.settings.push_back(
          {std::string(property->key), accel_value(name, text_of(given)), source});
    } else {
      reading.notices.push_back(fmt::format(
          "{}: has no effect: accel sets this property of the engine itself, or not", source));
    }
  }
  return {};
}

// --- the other members ---------------------------------------------------------------------------

Status read_device(const Json& value, const Reading& reading) {
  if (!value.is_string()) return expected("a device's name", value);
  reading.entry.settings.push_back(
      {"device", value.get<std::string>(), reading.at("target_device")});
  return {};
}

Status read_policy(const Json& value, const Reading& reading) {
  ACCEL_ASSIGN(reading.entry.policy, parse_policy(value));
  return {};
}

Status read_cached(const Json& value, const Reading& reading) {
  if (!value.is_boolean()) return expected("true or false", value);
  reading.entry.settings.push_back(
      {"cache", value.get<bool>() ? "true" : "false", reading.at("allow_cache")});
  return {};
}

// "NHWC:NCHW" is another order of the numbers than the client's; "NCHW" only names what there is.
Status read_layout(const Json& value, const Reading& reading) {
  if (!value.is_string() && !value.is_object()) return expected("a text or an object", value);
  const auto reorders = [](const Json& one) {
    return one.is_string() && one.get_ref<const std::string&>().find(':') != std::string::npos;
  };
  if (!reorders(value) && std::ranges::none_of(value, reorders)) {
    reading.notices.push_back(reading.at("layout") +
                              ": has no effect: the graph's own sizes hold for all requests");
    return {};
  }
  return unimplemented(fmt::format(
      "expected none that changes the order of dimensions, found {}: accel hands a tensor to the "
      "graph as it came; put the transposition into the graph when it is converted, or into the "
      "client",
      shown(value)));
}

struct Member {
  std::string_view name;
  enum class Answer : uint8_t {
    kRead,     // `read` does it
    kNothing,  // a notice, with `instead`
    kFalse,    // may be false; true is refused, with `instead`
    kRefused,
    kKnown,  // read before
  } answer;
  std::string_view instead = {};
  Status (*read)(const Json& value, const Reading& reading) = nullptr;
};

using enum Member::Answer;

constexpr std::string_view kNoSequences = "accel keeps no state between requests";
constexpr std::string_view kOwnSizes =
    "the graph keeps its own sizes, and where these are open every request may have others";
constexpr std::string_view kNoPreparation =
    "accel hands a tensor to the graph as it came; prepare it in the graph when it is converted, "
    "or in the client";

constexpr std::array kMembers{
    Member{"allow_cache", kRead, "", read_cached},
    Member{"base_path", kKnown},
    Member{"batch_size", kNothing, kOwnSizes},
    Member{"color_format", kRefused, kNoPreparation},
    Member{"custom_loader_options", kRefused, "accel loads no libraries of others"},
    Member{"idle_sequence_cleanup", kNothing, kNoSequences},
    Member{"layout", kRead, "", read_layout},
    Member{"low_latency_transformation", kFalse, kNoSequences},
    Member{"max_sequence_number", kNothing, kNoSequences},
    Member{"mean", kRefused, kNoPreparation},
    Member{"model_version_policy", kRead, "", read_policy},
    Member{"name", kKnown},
    Member{"nireq", kNothing,
           "requests wait in accel's own queue (--requests-max, --queue-seconds), and NUM_STREAMS "
           "of plugin_config says how many run at once"},
    Member{"plugin_config", kRead, "", read_plugin_config},
    Member{"precision", kRefused, kNoPreparation},
    Member{"scale", kRefused, kNoPreparation},
    Member{"shape", kNothing, kOwnSizes},
    Member{"stateful", kFalse, kNoSequences},
    Member{"target_device", kRead, "", read_device},
};

Status unknown_member(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Member& member : kMembers) names.push_back(member.name);
  return invalid_argument(fmt::format("OpenVINO Model Server knows no such setting of a model{}",
                                      did_you_mean(name, names)));
}

Status read_member(const Member& member, const Json& value, const Reading& reading) {
  switch (member.answer) {
    case kKnown: return {};
    case kRead: return member.read(value, reading);
    case kNothing:
      reading.notices.push_back(
          fmt::format("{}: has no effect: {}", reading.at(member.name), member.instead));
      return {};
    case kFalse:
      if (!value.is_boolean()) return expected("true or false", value);
      if (!value.get<bool>()) return {};
      [[fallthrough]];
    case kRefused: break;
  }
  return unimplemented(fmt::format("expected none, found {}: {}", shown(value), member.instead));
}

Result<std::string> required_text(const Json& config, const char* name, std::string_view place) {
  const auto found = config.find(name);
  if (found == config.end()) {
    return invalid_argument(fmt::format("{}{}: expected one, found none", place, name));
  }
  if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
    return expected("a text", *found).with_context(fmt::format("{}{}", place, name));
  }
  return found->get<std::string>();
}

}  // namespace

Result<ModelEntry> read_entry(const Json& config, std::string_view place, Notices& notices) {
  ModelEntry entry;
  ACCEL_ASSIGN(entry.name, required_text(config, "name", place));
  if (entry.name.size() > kNameBytesMax || entry.name.find_first_of(":=") != std::string::npos) {
    return invalid_argument(
        fmt::format("{}name: expected at most {} bytes without ':' and '=', found '{}'", place,
                    kNameBytesMax, entry.name.substr(0, kShownBytesMax)));
  }
  ACCEL_ASSIGN(entry.base_path, required_text(config, "base_path", place));
  if (entry.base_path.find("://") != std::string::npos) {
    return unimplemented(
        fmt::format("{}base_path: expected a folder of this machine, found '{}': accel reads no "
                    "storage of clouds; copy the model, or mount it",
                    place, entry.base_path.substr(0, kShownBytesMax)));
  }
  const Reading reading{.place = place, .entry = entry, .notices = notices};
  for (const auto& [name, value] : config.items()) {
    const auto member = std::ranges::find(kMembers, name, &Member::name);
    const Status read =
        member == kMembers.end() ? unknown_member(name) : read_member(*member, value, reading);
    if (!read.ok()) return read.with_context(reading.at(name));
  }
  return entry;
}

}  // namespace accel::ovms
