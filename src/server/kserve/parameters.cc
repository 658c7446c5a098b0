#include "server/kserve/parameters.h"

#include <fmt/format.h>

#include <array>

#include "base/try.h"

namespace accel::server::kserve {
namespace {

std::string_view kind_of(const Parameter& parameter) {
  constexpr std::array<std::string_view, std::variant_size_v<Parameter>> kKinds = {
      "true or false", "an integer", "a number", "a string"};
  return kKinds[parameter.index()];
}

Status wrong_kind(std::string_view name, std::string_view expected, const Parameter& found) {
  return invalid_argument(
      fmt::format("parameter '{}': expected {}, found {}", name, expected, kind_of(found)));
}

template <class T>
Result<std::optional<T>> find_kind(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::optional<T>();
  if (const auto* value = std::get_if<T>(&found->second)) return std::optional<T>(*value);
  return wrong_kind(name, kind_of(T()), found->second);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    const size_t first = part.find_first_not_of(' ');
    if (first != std::string_view::npos) {
      parts.emplace_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Status read_option(const Parameters& parameters, std::string_view name,
                   std::optional<bool>& option) {
  ACCEL_ASSIGN(option, find_bool(parameters, name));
  return {};
}
Status read_option(const Parameters& parameters, std::string_view name,
                   std::optional<int64_t>& option) {
  ACCEL_ASSIGN(option, find_integer(parameters, name));
  return {};
}
Status read_option(const Parameters& parameters, std::string_view name,
                   std::optional<double>& option) {
  ACCEL_ASSIGN(option, find_double(parameters, name));
  return {};
}
Status read_option(const Parameters& parameters, std::string_view name,
                   std::optional<std::string>& option) {
  ACCEL_ASSIGN(option, find_string(parameters, name));
  return {};
}
Status read_option(const Parameters& parameters, std::string_view name,
                   std::optional<std::vector<std::string>>& option) {
  ACCEL_ASSIGN(const std::optional<std::string> text, find_string(parameters, name));
  if (text) option = split_list(*text);
  return {};
}
Status read_option(const Parameters& parameters, std::string_view name, bool& option) {
  ACCEL_ASSIGN(const std::optional<bool> found, find_bool(parameters, name));
  option = found.value_or(option);
  return {};
}

}  // namespace

Result<std::optional<bool>> find_bool(const Parameters& parameters, std::string_view name) {
  return find_kind<bool>(parameters, name);
}

Result<std::optional<int64_t>> find_integer(const Parameters& parameters, std::string_view name) {
  return find_kind<int64_t>(parameters, name);
}

Result<std::optional<double>> find_double(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found != parameters.end()) {
    if (const auto* value = std::get_if<int64_t>(&found->second)) {
      return std::optional(static_cast<double>(*value));
    }
  }
  return find_kind<double>(parameters, name);
}

Result<std::optional<std::string>> find_string(const Parameters& parameters,
                                               std::string_view name) {
  return find_kind<std::string>(parameters, name);
}

Result<TaskOptions> task_options_of(const Parameters& parameters) {
  TaskOptions options;
  const auto read = [&](std::string_view name, auto& option) {
    return read_option(parameters, name, option);
  };
  ACCEL_TRY(read("top_k", options.top_k));
  ACCEL_TRY(read("function", options.function));
  ACCEL_TRY(read("multi_label", options.multi_label));
  ACCEL_TRY(read("hypothesis", options.hypothesis));
  ACCEL_TRY(read("aggregation", options.aggregation));
  ACCEL_TRY(read("window_tokens", options.window_tokens));
  ACCEL_TRY(read("stride_tokens", options.stride_tokens));
  ACCEL_TRY(read("max_answer_tokens", options.max_answer_tokens));
  ACCEL_TRY(read("no_answer", options.no_answer));
  ACCEL_TRY(read("targets", options.targets));
  ACCEL_TRY(read("threshold", options.threshold));
  ACCEL_TRY(read("timestamps", options.timestamps));
  ACCEL_TRY(read("pool", options.pool));
  ACCEL_TRY(read("prompt", options.prompt));
  ACCEL_TRY(read("dimensions", options.dimensions));
  ACCEL_TRY(read("normalize", options.normalize));
  ACCEL_TRY(read("strict_utf8", options.strict_utf8));
  return options;
}

Status refuse_shared_memory(const Parameters& parameters) {
  const auto found = parameters.lower_bound("shared_memory_");
  if (found == parameters.end() || !found->first.starts_with("shared_memory_")) return {};
  return invalid_argument(
      fmt::format("parameter '{}': this server has no shared memory with its clients; expected the "
                  "data in the request",
                  found->first));
}

}  // namespace accel::server::kserve
