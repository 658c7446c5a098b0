#include "cli/settings_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <vector>

#include "base/suggestion.h"
#include "base/try.h"
#include "cli/task_input.h"

namespace accel::cli {
namespace {

using Take = std::function<Status(const std::string& value)>;

struct Setting {
  std::string_view name;
  Take take;
};

Take text_into(std::string& target) {
  return [&target](const std::string& value) -> Status {
    target = value;
    return {};
  };
}

Take choice_into(std::string& target, std::vector<std::string_view> choices) {
  return [&target, choices](const std::string& value) -> Status {
    if (std::ranges::find(choices, value) == choices.end()) {
      return invalid_argument(
          fmt::format("expected one of {}, found '{}'", fmt::join(choices, ", "), value));
    }
    target = value;
    return {};
  };
}

Take number_into(int64_t& target) {
  return [&target](const std::string& value) -> Status {
    const char* end = value.data() + value.size();
    int64_t number = 0;
    const auto read = std::from_chars(value.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 0) {
      return invalid_argument(fmt::format("expected a whole number from 0 on, found '{}'", value));
    }
    target = number;
    return {};
  };
}

std::vector<Setting> settings_of(WorkFlags& flags) {
  ModelFlags& model = flags.model;
  return {{"backend", choice_into(model.backend, {"openvino", "reference"})},
          {"batch-rows", number_into(model.batch_rows)},
          {"batch-tokens", number_into(model.batch_tokens)},
          {"device", text_into(model.device)},
          {"hang-seconds", text_into(model.hang_seconds)},
          {"isolation", choice_into(model.isolation, {"thread", "process"})},
          {"kernels", choice_into(model.kernels, {"auto", "engine"})},
          {"model", text_into(model.model)},
          {"precision", text_into(model.precision)},
          {"streams", number_into(model.streams)},
          {"threads", number_into(model.threads)},
          {"use-optimum", choice_into(model.use_optimum, {"auto", "true", "false"})}};
}

}  // namespace

Status apply_settings(std::string_view text, WorkFlags& flags) {
  const std::vector<Setting> settings = settings_of(flags);
  std::vector<std::string_view> names;
  for (const Setting& setting : settings) names.push_back(setting.name);
  for (const std::string& one : split_at_commas(text)) {
    const size_t equals = one.find('=');
    const std::string name = one.substr(0, equals);
    const auto found = std::ranges::find(settings, name, &Setting::name);
    if (equals == std::string::npos || found == settings.end()) {
      return invalid_argument(fmt::format("expected NAME=VALUE with a name of {}, found '{}'{}",
                                          fmt::join(names, ", "), one, did_you_mean(name, names)));
    }
    const Status taken = found->take(one.substr(equals + 1));
    if (!taken.ok()) return taken.with_context(name);
  }
  return {};
}

}  // namespace accel::cli
