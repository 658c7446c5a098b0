// Which devices of a set an input may run on, by rules over what it is: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/content_rule.h"
#include "accel/status.h"
#include "runtime/device_set.h"
#include "runtime/placement.h"
#include "runtime/row_batches.h"

namespace accel::runtime {

constexpr size_t kContentRulesMax = 16;

// What rules ask of an input.
struct ContentFacts {
  int64_t tokens = 0;  // 0: no text
  int64_t rows = 1;    // that came with it, itself included
  int64_t bytes = 0;
  std::string_view modality = {};
};

// Of a row that is one of `rows` of its input.
ContentFacts facts_of(const Row& row, int64_t rows);
// Of all tensors of a call together.
ContentFacts facts_of(const NamedTensors& inputs);

bool meets(const ContentFacts& facts, const ContentRule& rule);

// INVALID_ARGUMENT, with the rule's number and the right form, for more than kContentRulesMax
// rules, one that no input can meet, and one that those before it leave nothing for.
Status check_rules(std::span<const ContentRule> rules);

// INVALID_ARGUMENT for rules where `device`, as a user writes it, is no set that shares the work,
// and for devices that are no members of it. A set of whatever is there is not looked into.
Status check_rules_of(std::span<const ContentRule> rules, std::string_view device);

// Rules over the members of a set. Inputs of one route may run on the same members.
struct ContentRoutes {
  std::vector<ContentRule> rules = {};
  std::vector<size_t> routes = {};                 // of each rule
  std::vector<MemberMask> masks = {kEveryMember};  // of each route; the first: no rule

  bool any() const { return masks.size() > 1; }
  size_t route_of(const ContentFacts& facts) const;
};

struct RoutedRules {
  ContentRoutes routes;
  std::vector<std::string> notices;  // of rules that do not hold here
};

// `members` are those that are here. A rule for another device lets its inputs run anywhere.
RoutedRules routes_over(std::span<const ContentRule> rules, std::span<const DeviceMember> members);

// The name of a member of a set, as reports and rules have it: "CPU/1", of several "CPU/1#0".
std::string member_name(std::span<const DeviceMember> members, size_t index);

}  // namespace accel::runtime
