#include "accel/content_rule.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/suggestion.h"
#include "base/try.h"

namespace accel {
namespace {

constexpr size_t kRuleTextBytesMax = 4096;
constexpr std::string_view kRightForm =
    "expected rules as in 'tokens_below=32 device=CPU/1; device=GPU'";

// The bounds of a rule by the names that they have in a text.
struct NamedBound {
  std::string_view name;
  CountRange ContentRule::*range;
  int64_t CountRange::*bound;
};
constexpr std::array<NamedBound, 6> kBounds{{
    {"tokens_from", &ContentRule::tokens, &CountRange::from},
    {"tokens_below", &ContentRule::tokens, &CountRange::below},
    {"rows_from", &ContentRule::rows, &CountRange::from},
    {"rows_below", &ContentRule::rows, &CountRange::below},
    {"bytes_from", &ContentRule::bytes, &CountRange::from},
    {"bytes_below", &ContentRule::bytes, &CountRange::below},
}};

Status malformed_rule(std::string_view what) {
  return invalid_argument(fmt::format("{}, found {}", kRightForm, what));
}

std::string_view without_spaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Status set_bound(const NamedBound& named, std::string_view value, ContentRule& rule) {
  int64_t& number = (rule.*named.range).*named.bound;
  if (number != CountRange().*named.bound) {
    return malformed_rule(fmt::format("{} twice in one rule", named.name));
  }
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && number >= 0) return {};
  return malformed_rule(fmt::format("{}={}, which is no whole number", named.name, value));
}

Status set_word(std::string_view word, ContentRule& rule) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
  if (value.empty()) return malformed_rule(fmt::format("'{}'", word));
  std::vector<std::string_view> names{"device", "modality"};
  for (const NamedBound& named : kBounds) {
    if (named.name == name) return set_bound(named, value, rule);
    names.push_back(named.name);
  }
  if (name != "device" && name != "modality") {
    return malformed_rule(fmt::format("'{}'{}", name, did_you_mean(name, names)));
  }
  std::string& text = name == "device" ? rule.device : rule.modality;
  if (!text.empty()) return malformed_rule(fmt::format("{} twice in one rule", name));
  text = value;
  return {};
}

}  // namespace

Result<std::vector<ContentRule>> parse_content_rules(std::string_view text) {
  if (text.size() > kRuleTextBytesMax) {
    return invalid_argument(fmt::format("expected rules of at most {} bytes, found {}",
                                        kRuleTextBytesMax, text.size()));
  }
  std::vector<ContentRule> rules;
  text = without_spaces(text);
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    std::string_view words = without_spaces(text.substr(0, end));
    text = without_spaces(text.substr(std::min(end + 1, text.size())));
    ContentRule rule;
    while (!words.empty()) {
      const size_t space = std::min(words.find(' '), words.size());
      ACCEL_TRY(set_word(words.substr(0, space), rule));
      words = without_spaces(words.substr(space));
    }
    if (rule.device.empty()) return malformed_rule("a rule without a device");
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string to_string(const ContentRule& rule) {
  std::string text;
  for (const NamedBound& named : kBounds) {
    const int64_t bound = (rule.*named.range).*named.bound;
    if (bound == CountRange().*named.bound) continue;
    text += fmt::format("{}={} ", named.name, bound);
  }
  if (!rule.modality.empty()) text += fmt::format("modality={} ", rule.modality);
  return text + "device=" + rule.device;
}

std::string to_string(std::span<const ContentRule> rules) {
  std::string text;
  for (const ContentRule& rule : rules) text += (text.empty() ? "" : "; ") + to_string(rule);
  return text;
}

}  // namespace accel
