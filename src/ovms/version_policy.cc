#include "ovms/version_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/try.h"

namespace accel::ovms {
namespace {

using Kind = VersionPolicy::Kind;

constexpr size_t kVersionsMax = 1024;

Status wrong_policy(const Json& found) {
  return invalid_argument(
      fmt::format(R"(expected {{"latest": {{"num_versions": N}}}}, {{"all": {{}}}} or )"
                  R"({{"specific": {{"versions": [1, 3]}}}}, found {})",
                  found.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80)));
}

bool is_version(const Json& value) {
  return value.is_number_unsigned() && value.get<uint64_t>() >= 1 &&
         value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int>::max());
}

// The only member of `object`, where that is called `name`.
const Json* only_member(const Json& object, const char* name) {
  if (!object.is_object() || object.size() != 1) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

Result<VersionPolicy> parse_policy(const Json& policy) {
  if (const Json* all = only_member(policy, "all"); all != nullptr && *all == Json::object()) {
    return VersionPolicy{.kind = Kind::kAll};
  }
  if (const Json* latest = only_member(policy, "latest"); latest != nullptr) {
    if (*latest == Json::object()) return VersionPolicy{};
    const Json* number = only_member(*latest, "num_versions");
    if (number != nullptr && is_version(*number)) {
      return VersionPolicy{.latest = number->get<uint64_t>()};
    }
  }
  if (const Json* specific = only_member(policy, "specific"); specific != nullptr) {
    const Json* versions = only_member(*specific, "versions");
    if (versions == nullptr || !versions->is_array() || versions->empty() ||
        versions->size() > kVersionsMax || !std::ranges::all_of(*versions, is_version)) {
      return wrong_policy(policy);
    }
    VersionPolicy parsed{.kind = Kind::kSpecific};
    for (const Json& one : *versions) parsed.versions.push_back(one.get<int>());
    std::ranges::sort(parsed.versions);
    const auto twice = std::ranges::unique(parsed.versions);
    parsed.versions.erase(twice.begin(), twice.end());
    return parsed;
  }
  return wrong_policy(policy);
}

std::vector<int> chosen_versions(const VersionPolicy& policy, std::span<const int> present) {
  std::vector<int> chosen;
  switch (policy.kind) {
    case Kind::kAll: return {present.begin(), present.end()};
    case Kind::kLatest: {
      const auto last = present.last(std::min<size_t>(policy.latest, present.size()));
      return {last.begin(), last.end()};
    }
    case Kind::kSpecific:
      std::ranges::set_intersection(present, policy.versions, std::back_inserter(chosen));
  }
  return chosen;
}

std::string to_text(const VersionPolicy& policy) {
  switch (policy.kind) {
    case Kind::kAll: return "all";
    case Kind::kLatest:
      return policy.latest == 1 ? "the latest" : fmt::format("the latest {}", policy.latest);
    case Kind::kSpecific: break;
  }
  return fmt::format("{}", fmt::join(policy.versions, ", "));
}

}  // namespace accel::ovms
