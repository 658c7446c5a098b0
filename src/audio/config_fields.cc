#include "audio/config_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace accel::audio {

ConfigFields::ConfigFields(const Json& object) : object_(object) {
  if (!object.is_object()) {
    problem(fmt::format("expected a JSON object, found {}", object.type_name()));
  }
}

const Json* ConfigFields::field(std::string_view name) const {
  if (!object_.is_object()) return nullptr;
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void ConfigFields::mistyped(std::string_view name, std::string_view expected, const Json& found) {
  std::string text = found.is_structured()
                         ? std::string(found.type_name())
                         : found.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  problem(fmt::format("{}: expected {}, found {}", name, expected, text));
}

int64_t ConfigFields::integer_or(std::string_view name, int64_t fallback, Range<int64_t> range) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  // Values beyond int64 are kept as unsigned or as floating point.
  const bool fits = found->is_number_integer() &&
                    !(found->is_number_unsigned() &&
                      found->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()});
  if (fits && found->get<int64_t>() >= range.least && found->get<int64_t>() <= range.most) {
    return found->get<int64_t>();
  }
  mistyped(name, fmt::format("an integer from {} to {}", range.least, range.most), *found);
  return fallback;
}

double ConfigFields::number_or(std::string_view name, double fallback, Range<double> range) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  if (found->is_number()) {
    const double number = found->get<double>();
    if (number >= range.least && number <= range.most) return number;
  }
  mistyped(name, fmt::format("a number from {} to {}", range.least, range.most), *found);
  return fallback;
}

bool ConfigFields::flag_or(std::string_view name, bool fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  if (found->is_boolean()) return found->get<bool>();
  mistyped(name, "true or false", *found);
  return fallback;
}

std::string ConfigFields::text_or(std::string_view name, std::string_view fallback) {
  const Json* found = field(name);
  if (found == nullptr) return std::string(fallback);
  if (found->is_string()) return found->get<std::string>();
  mistyped(name, "a string", *found);
  return std::string(fallback);
}

Status ConfigFields::status() const {
  if (problems_.empty()) return {};
  return invalid_argument(fmt::format("{}", fmt::join(problems_, "; ")));
}

}  // namespace accel::audio
