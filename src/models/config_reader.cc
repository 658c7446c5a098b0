#include "models/config_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace accel::models {
namespace {
constexpr int64_t kLargest = int64_t{1} << 31;  // beyond any published model; keeps products exact
}

ConfigReader::ConfigReader(const Json& object) : object_(object) {
  if (!object.is_object()) {
    problems_.push_back(fmt::format("expected a JSON object, found {}", object.type_name()));
  }
}

const Json* ConfigReader::field(std::string_view name) const {
  if (!object_.is_object()) return nullptr;
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void ConfigReader::mistyped(std::string_view name, std::string_view expected, const Json& found) {
  std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  problem(fmt::format("{}: expected {}, found {}", name, expected, text));
}

int64_t ConfigReader::integer_or(std::string_view name, int64_t fallback, int64_t least,
                                 int64_t most) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  // nlohmann keeps values beyond int64 as unsigned or float; all of these are out of range here.
  const bool fits = found->is_number_integer() &&
                    !(found->is_number_unsigned() && found->get<uint64_t>() > uint64_t{kLargest});
  if (!fits || found->get<int64_t>() < least || found->get<int64_t>() > most) {
    mistyped(name, fmt::format("an integer from {} to {}", least, most), *found);
    return fallback;
  }
  return found->get<int64_t>();
}

int64_t ConfigReader::size_or(std::string_view name, int64_t fallback) {
  return integer_or(name, fallback, 1, kLargest);
}

int64_t ConfigReader::size_if_positive(std::string_view name, int64_t otherwise) {
  const int64_t found = integer_or(name, 0, -kLargest, kLargest);
  return found > 0 ? found : otherwise;
}

int64_t ConfigReader::count_or(std::string_view name, int64_t fallback) {
  return integer_or(name, fallback, 0, kLargest);
}

int64_t ConfigReader::layers_or(std::string_view name, int64_t fallback) {
  return integer_or(name, fallback, 1, kLayersMax);
}

std::vector<int64_t> ConfigReader::sizes_or(std::string_view name, std::vector<int64_t> fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  const auto positive = [](const Json& size) {  // of unsigned ones beyond int64, none
    return size.is_number_integer() && size.get<int64_t>() >= 1 && size.get<int64_t>() <= kLargest;
  };
  if (!found->is_array() || found->empty() || found->size() > size_t{kLayersMax} ||
      !std::ranges::all_of(*found, positive)) {
    mistyped(name, fmt::format("up to {} integers from 1 to {}", kLayersMax, kLargest), *found);
    return fallback;
  }
  return found->get<std::vector<int64_t>>();
}

std::vector<int64_t> ConfigReader::depths_or(std::string_view name, std::vector<int64_t> fallback) {
  std::vector<int64_t> depths = sizes_or(name, fallback);
  int64_t sum = 0;  // of up to kLayersMax sizes: no overflow
  for (const int64_t depth : depths) sum += depth;
  if (sum <= kLayersMax) return depths;
  mistyped(name, fmt::format("at most {} layers together", kLayersMax), *field(name));
  return fallback;
}

std::array<int64_t, 2> ConfigReader::extent_or(std::string_view name,
                                               std::array<int64_t, 2> fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  if (!found->is_array()) {
    const int64_t size = size_or(name, fallback[0]);
    return {size, size};
  }
  const std::vector<int64_t> both = sizes_or(name, {fallback[0], fallback[1]});
  if (both.size() == 2) return {both[0], both[1]};
  mistyped(name, "height and width", *found);
  return fallback;
}

double ConfigReader::number_or(std::string_view name, double fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  if (!found->is_number()) {
    mistyped(name, "a number", *found);
    return fallback;
  }
  return found->get<double>();
}

std::string ConfigReader::text_or(std::string_view name, std::string_view fallback) {
  const Json* found = field(name);
  if (found == nullptr) return std::string(fallback);
  if (!found->is_string()) {
    mistyped(name, "a string", *found);
    return std::string(fallback);
  }
  return found->get<std::string>();
}

bool ConfigReader::flag_or(std::string_view name, bool fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) {
    mistyped(name, "true or false", *found);
    return fallback;
  }
  return found->get<bool>();
}

std::vector<double> ConfigReader::numbers_or(std::string_view name, std::vector<double> fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  const auto is_number = [](const Json& each) { return each.is_number(); };
  if (!found->is_array() || !std::ranges::all_of(*found, is_number)) {
    mistyped(name, "a list of numbers", *found);
    return fallback;
  }
  return found->get<std::vector<double>>();
}

std::vector<std::string> ConfigReader::texts_or(std::string_view name,
                                                std::vector<std::string> fallback) {
  const Json* found = field(name);
  if (found == nullptr) return fallback;
  const auto is_text = [](const Json& each) { return each.is_string(); };
  if (!found->is_array() || !std::ranges::all_of(*found, is_text)) {
    mistyped(name, "a list of strings", *found);
    return fallback;
  }
  return found->get<std::vector<std::string>>();
}

const Json* ConfigReader::object(std::string_view name) {
  const Json* found = field(name);
  if (found == nullptr || found->is_object()) return found;
  mistyped(name, "an object", *found);
  return nullptr;
}

void ConfigReader::adopt(std::string_view name, const ConfigReader& part) {
  for (const std::string& text : part.problems_) problem(fmt::format("{}.{}", name, text));
}

int64_t ConfigReader::scaled(std::string_view name, int64_t size, double ratio) {
  const double product = static_cast<double>(size) * ratio;
  if (product >= 1 && product <= static_cast<double>(kLargest)) {
    return static_cast<int64_t>(product);
  }
  problem(fmt::format("{}: expected a ratio that makes of {} an integer from 1 to {}, found {}",
                      name, size, kLargest, ratio));
  return size;
}

void ConfigReader::expect(std::string_view name, const Json& only, std::string_view why) {
  const Json* found = field(name);
  if (found == nullptr || *found == only) return;
  mistyped(name, fmt::format("{} ({})", only.dump(), why), *found);
}

Status ConfigReader::status() const {
  if (problems_.empty()) return {};
  return invalid_argument(fmt::format("{}", fmt::join(problems_, "; ")));
}

}  // namespace accel::models
