#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "accel/content_rule.h"
#include "accel/precision.h"
#include "base/byte_size.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "config/command_text.h"
#include "config/option.h"

namespace accel::config {
namespace {

constexpr size_t kTextBytesMax = 4096;
constexpr size_t kPrioritiesMax = 64;

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

Status unexpected(const Option& option, std::string_view text, std::string_view hint = "") {
  return invalid_argument(
      fmt::format("expected {}, found '{}'{}", expected_text(option), text, hint));
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::string> choice_of(const Option& option, std::string_view text) {
  const auto choices = words_of(option.choices);
  const std::string wanted = in_lower_case(text);
  for (const std::string_view choice : choices) {
    if (in_lower_case(choice) == wanted) return std::string(choice);
  }
  return unexpected(option, text, did_you_mean(wanted, choices));
}

Result<std::string> bool_of(const Option& option, std::string_view text) {
  const std::string wanted = in_lower_case(text);
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (wanted == yes) return std::string("true");
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (wanted == no) return std::string("false");
  }
  return unexpected(option, text);
}

// Letters, digits, ".", "_", "-", and ":" and "," of a set: "GPU.1", "AUTO:GPU,CPU", "CPU[0-1]",
// "MULTI:CPU/1(2),CPU/1(1)".
Result<std::string> device_of(const Option& option, std::string_view text) {
  const bool fine =
      !text.empty() && text.size() <= 256 && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("._-:,/()[]").find(static_cast<char>(c)) != std::string_view::npos;
      });
  if (!fine) return unexpected(option, text);
  std::string device(text);
  bool kind = true;  // what stands behind its dot is kept: "MYRIAD.1.2-ma2480"
  for (char& c : device) {
    kind = c == ',' || c == ':' || (kind && c != '.');
    if (kind) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return device;
}

Result<std::string> shapes_text(std::string_view text) {
  ACCEL_ASSIGN(const std::vector<NamedShape> shapes, parse_shapes(text));
  std::string canonical;
  for (const NamedShape& one : shapes) {
    canonical +=
        fmt::format("{}{}=[{}]", canonical.empty() ? "" : " ", one.name, fmt::join(one.shape, ","));
  }
  return canonical;
}

Result<std::string> priorities_of(std::string_view text) {
  const auto weights = parse_priorities(text);
  if (!weights.ok()) return weights.status();
  std::string canonical;
  for (const DeviceWeight& one : *weights) {
    canonical += fmt::format("{}{}({})", canonical.empty() ? "" : ",", one.device, one.weight);
  }
  return canonical;
}

}  // namespace

Result<std::vector<NamedShape>> parse_shapes(std::string_view text) {
  constexpr size_t kAxesMax = 8;
  std::vector<NamedShape> shapes;
  for (const std::string_view word : words_of(text)) {
    const size_t equals = std::min(word.find('='), word.size());
    NamedShape one{.name = std::string(word.substr(0, equals))};
    std::string_view sizes = word.substr(std::min(equals + 1, word.size()));
    bool fine = !one.name.empty() && sizes.starts_with('[') && sizes.ends_with(']');
    if (fine) sizes = sizes.substr(1, sizes.size() - 2);
    while (fine && !sizes.empty()) {
      const std::string_view size = sizes.substr(0, sizes.find(','));
      sizes.remove_prefix(std::min(size.size() + 1, sizes.size()));
      const auto number = number_of<int64_t>(size);
      fine = number && *number > 0 && one.shape.size() < kAxesMax;
      if (fine) one.shape.push_back(*number);
    }
    if (!fine || one.shape.empty()) {
      return invalid_argument(fmt::format(
          "expected inputs with at most {} sizes of at least 1, as in 'input_ids=[1,8]', found "
          "'{}'",
          kAxesMax, word));
    }
    shapes.push_back(std::move(one));
  }
  return shapes;
}

Result<std::vector<DeviceWeight>> parse_priorities(std::string_view text) {
  std::vector<DeviceWeight> weights;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const size_t open = one.find('(');
    DeviceWeight weight{.device = std::string(one.substr(0, open))};
    bool fine = !weight.device.empty();
    for (char& c : weight.device) {
      fine = fine && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_');
      c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    if (open != std::string_view::npos) {
      const bool closed = one.ends_with(')');
      const auto number = number_of<double>(one.substr(open + 1, one.size() - open - 2));
      fine = fine && closed && number && std::isfinite(*number) && *number > 0;
      if (number) weight.weight = *number;
    }
    if (!fine) {
      return invalid_argument(fmt::format(
          "expected a device, or one with a weight greater than 0 as in 'GPU(1.5)', found '{}'",
          one));
    }
    weights.push_back(std::move(weight));
    if (weights.size() > kPrioritiesMax) {
      return invalid_argument(fmt::format("expected at most {} devices", kPrioritiesMax));
    }
  }
  return weights;
}

std::string expected_text(const Option& option) {
  switch (option.type) {
    case OptionType::kText: return "a text";
    case OptionType::kChoice:
      return fmt::format("one of {}", fmt::join(words_of(option.choices), ", "));
    case OptionType::kBool: return "true or false";
    case OptionType::kCount:
      return fmt::format("a whole number from {} to {}", option.least, option.most);
    case OptionType::kBytes: return "bytes, or a number with K, M, G or T (4G)";
    case OptionType::kSeconds: return "a number of seconds from 0 on";
    case OptionType::kPrecision: return "auto, f32, bf16 or f16, in any usual spelling";
    case OptionType::kDevice: return "a device: CPU, GPU, GPU.1, AUTO ...";
    case OptionType::kPriorities: return "a list of devices with weights (GPU(1.5))";
    case OptionType::kShapes:
      return "a mapping from inputs to lists of sizes, {input_ids: [1, 8]}, or as a text "
             "'input_ids=[1,8]'";
    case OptionType::kCommands: return "a mapping from suffixes to commands";
    case OptionType::kRules:
      return "a list of rules, [{tokens_below: 32, device: CPU/1}, {device: GPU}], or as a text "
             "'tokens_below=32 device=CPU/1; device=GPU'";
  }
  return "";
}

Result<std::string> canonical(const Option& option, std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return invalid_argument(
        fmt::format("expected at most {} bytes, found {}", kTextBytesMax, text.size()));
  }
  switch (option.type) {
    case OptionType::kText: {
      const bool fine = !text.empty() && std::ranges::none_of(text, [](unsigned char c) {
        return c < 0x20 || c == 0x7f;
      });
      if (!fine) return unexpected(option, text);
      return std::string(text);
    }
    case OptionType::kChoice: return choice_of(option, text);
    case OptionType::kBool: return bool_of(option, text);
    case OptionType::kCount: {
      const auto number = number_of<int64_t>(text);
      if (!number || *number < option.least || *number > option.most) {
        return unexpected(option, text);
      }
      return std::to_string(*number);
    }
    case OptionType::kBytes: {
      const auto bytes = parse_size(text);
      if (!bytes.ok()) return unexpected(option, text);
      return std::to_string(*bytes);
    }
    case OptionType::kSeconds: {
      const auto seconds = number_of<double>(text);
      if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return unexpected(option, text);
      return fmt::format("{}", *seconds);
    }
    case OptionType::kPrecision: {
      const auto precision = parse_precision(text);
      if (!precision.ok()) return unexpected(option, text);
      return std::string(to_string(*precision));
    }
    case OptionType::kDevice: return device_of(option, text);
    case OptionType::kPriorities: return priorities_of(text);
    case OptionType::kShapes: return shapes_text(text);
    case OptionType::kCommands: {
      ACCEL_ASSIGN(const auto commands, parse_commands(text));
      return to_text(commands);
    }
    case OptionType::kRules: {
      ACCEL_ASSIGN(const std::vector<ContentRule> rules, parse_content_rules(text));
      return to_string(rules);
    }
  }
  return internal_error("an option of no type");
}

}  // namespace accel::config
