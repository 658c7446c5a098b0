#include "runtime/content_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace accel::runtime {
namespace {

constexpr std::string_view kForm =
    "write rules as in [{tokens_below: 32, device: CPU/1}, {device: GPU}]";
constexpr std::array<std::string_view, 4> kModalities{"text", "vision", "audio", "multimodal"};

Status wrong_rule(size_t index, std::string_view what) {
  return invalid_argument(fmt::format("rule {}: {}; {}", index + 1, what, kForm));
}

// Counts between which no rule tells a difference: one of each stretch.
std::vector<int64_t> stretches(std::span<const ContentRule> rules, CountRange ContentRule::*range) {
  std::set<int64_t> begins{0};
  for (const ContentRule& rule : rules) {
    begins.insert((rule.*range).from);
    if ((rule.*range).below != CountRange().below) begins.insert((rule.*range).below);
  }
  return {begins.begin(), begins.end()};
}

size_t first_met(std::span<const ContentRule> rules, const ContentFacts& facts) {
  const auto met = [&](const ContentRule& rule) { return meets(facts, rule); };
  return static_cast<size_t>(std::ranges::find_if(rules, met) - rules.begin());
}

// The rules that an input can meet first, found by trying one input of each kind that they tell
// apart.
std::set<size_t> reachable(std::span<const ContentRule> rules) {
  std::set<size_t> found;
  const auto rows = stretches(rules, &ContentRule::rows);
  const auto bytes = stretches(rules, &ContentRule::bytes);
  for (const int64_t tokens : stretches(rules, &ContentRule::tokens)) {
    for (const int64_t row_count : rows) {
      for (const int64_t byte_count : bytes) {
        for (const std::string_view modality : kModalities) {
          found.insert(first_met(rules, {tokens, row_count, byte_count, modality}));
        }
      }
    }
  }
  return found;
}

Status check_range(size_t index, std::string_view name, const CountRange& range) {
  if (range.from < 0) {
    return wrong_rule(index,
                      fmt::format("expected {0}_from of at least 0, found {1}", name, range.from));
  }
  if (range.from < range.below) return {};
  return wrong_rule(index, fmt::format("no input has from {1} and below {2} {0}; expected {0}_from "
                                       "less than {0}_below",
                                       name, range.from, range.below));
}

// Whether a rule means this member: by its name with its place in the set or without.
bool is_meant(std::string_view device, std::span<const DeviceMember> members, size_t index) {
  DeviceMember unweighted = members[index];
  unweighted.weight = 0;
  return device == to_text(unweighted) || device == member_name(members, index);
}

MemberMask mask_of(std::string_view device, std::span<const DeviceMember> members) {
  MemberMask mask = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (is_meant(device, members, i)) mask |= MemberMask{1} << i;
  }
  return mask;
}

std::string_view modality_of(const NamedTensors& inputs) {
  bool text = false;
  bool vision = false;
  bool audio = false;
  for (const NamedTensor& input : inputs) {
    text = text || input.name == "input_ids";
    vision = vision || input.name == "pixel_values";
    audio = audio || input.name == "input_values" || input.name == "input_features";
  }
  if (int{text} + int{vision} + int{audio} > 1) return "multimodal";
  if (vision) return "vision";
  if (audio) return "audio";
  return text ? "text" : "";
}

int64_t bytes_of_tensors(const NamedTensors& inputs) {
  int64_t bytes = 0;
  for (const NamedTensor& input : inputs) bytes += std::ssize(input.tensor.bytes());
  return bytes;
}

}  // namespace

ContentFacts facts_of(const Row& row, int64_t rows) {
  return {.tokens = tokens_of(row),
          .rows = rows,
          .bytes = bytes_of_tensors(row.inputs),
          .modality = modality_of(row.inputs)};
}

ContentFacts facts_of(const NamedTensors& inputs) {
  ContentFacts facts{.bytes = bytes_of_tensors(inputs), .modality = modality_of(inputs)};
  for (const NamedTensor& input : inputs) {
    const Shape& shape = input.tensor.shape();
    if (shape.empty()) continue;
    facts.rows = shape.front();
    if (input.name == "input_ids" && shape.size() > 1) facts.tokens = shape.back();
  }
  return facts;
}

bool meets(const ContentFacts& facts, const ContentRule& rule) {
  return rule.tokens.contains(facts.tokens) && rule.rows.contains(facts.rows) &&
         rule.bytes.contains(facts.bytes) &&
         (rule.modality.empty() || rule.modality == facts.modality);
}

Status check_rules(std::span<const ContentRule> rules) {
  if (rules.size() > kContentRulesMax) {
    return invalid_argument(
        fmt::format("expected at most {} rules, found {}", kContentRulesMax, rules.size()));
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    const ContentRule& rule = rules[i];
    if (rule.device.empty()) return wrong_rule(i, "expected a device, found none");
    if (!rule.modality.empty() &&
        std::ranges::find(kModalities, rule.modality) == kModalities.end()) {
      return wrong_rule(i, fmt::format("expected a modality of {}, found '{}'",
                                       fmt::join(kModalities, ", "), rule.modality));
    }
    for (const Status& range :
         {check_range(i, "tokens", rule.tokens), check_range(i, "rows", rule.rows),
          check_range(i, "bytes", rule.bytes)}) {
      if (!range.ok()) return range;
    }
  }
  const std::set<size_t> reached = reachable(rules);
  for (size_t i = 0; i < rules.size(); ++i) {
    if (reached.contains(i)) continue;
    return wrong_rule(i, fmt::format("'{}' is never reached, for the rules before it take every "
                                     "input that it would; put it before them or take it away",
                                     to_string(rules[i])));
  }
  return {};
}

Status check_rules_of(std::span<const ContentRule> rules, std::string_view device) {
  if (rules.empty()) return {};
  const Result<DeviceSet> set = parse_devices(device);
  if (!set.ok()) return set.status();
  if (set->mode != DeviceMode::kMulti) {
    return invalid_argument(
        fmt::format("rules choose among the members of a set that shares the work: expected the "
                    "device MULTI:CPU/1,GPU or the like, found {}",
                    device));
  }
  if (set->members.empty()) return {};
  for (size_t i = 0; i < rules.size(); ++i) {
    if (mask_of(rules[i].device, set->members) != 0) continue;
    std::vector<std::string> names;
    for (size_t at = 0; at < set->members.size(); ++at) {
      names.push_back(member_name(set->members, at));
    }
    return wrong_rule(i, fmt::format("expected a device of {} ({}), found '{}'", device,
                                     fmt::join(names, ", "), rules[i].device));
  }
  return {};
}

size_t ContentRoutes::route_of(const ContentFacts& facts) const {
  const size_t rule = first_met(rules, facts);
  return rule == rules.size() ? 0 : routes[rule];
}

RoutedRules routes_over(std::span<const ContentRule> rules, std::span<const DeviceMember> members) {
  RoutedRules found;
  ContentRoutes& routes = found.routes;
  routes.rules.assign(rules.begin(), rules.end());
  const MemberMask all = (MemberMask{1} << (members.size() - 1) << 1) - 1;
  for (size_t i = 0; i < rules.size(); ++i) {
    const MemberMask mask = mask_of(rules[i].device, members);
    if (mask == 0) {
      found.notices.push_back(fmt::format("rule {}: {} is not used here; its inputs run anywhere",
                                          i + 1, rules[i].device));
    }
    const MemberMask only = mask == 0 || mask == all ? kEveryMember : mask;
    const auto known = std::ranges::find(routes.masks, only);
    routes.routes.push_back(static_cast<size_t>(known - routes.masks.begin()));
    if (known == routes.masks.end()) routes.masks.push_back(only);
  }
  return found;
}

std::string member_name(std::span<const DeviceMember> members, size_t index) {
  DeviceMember unweighted = members[index];
  unweighted.weight = 0;
  const std::string name = to_text(unweighted);
  return members.size() == 1 ? name : fmt::format("{}#{}", name, index);
}

}  // namespace accel::runtime
