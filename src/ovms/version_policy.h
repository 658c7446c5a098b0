// Which versions of a model are served: OVMS's model_version_policy. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "base/json.h"

namespace accel::ovms {

struct VersionPolicy {
  enum class Kind : uint8_t { kLatest, kAll, kSpecific };
  Kind kind = Kind::kLatest;
  uint64_t latest = 1;             // of kLatest: how many
  std::vector<int> versions = {};  // of kSpecific: at least one, ascending

  bool operator==(const VersionPolicy&) const = default;
};

// {"latest": {"num_versions": 2}}, {"all": {}} or {"specific": {"versions": [1, 3]}}.
// INVALID_ARGUMENT shows these.
Result<VersionPolicy> parse_policy(const Json& policy);

// Those of `present`, which ascend, that are served; ascending.
std::vector<int> chosen_versions(const VersionPolicy& policy, std::span<const int> present);

// "the latest", "the latest 2", "all", "1, 3": for messages.
std::string to_text(const VersionPolicy& policy);

}  // namespace accel::ovms
