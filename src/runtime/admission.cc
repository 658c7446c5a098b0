#include "runtime/admission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace accel::runtime {
namespace {

std::string mebibytes(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

Status no_room(std::span<const Resident> residents, uint64_t bytes, const AdmissionLimits& limits) {
  std::vector<std::string> holders;
  for (const Resident& each : residents) {
    if (!each.busy && !each.pinned) continue;
    holders.push_back(fmt::format("{} ({}, {})", each.name, mebibytes(each.bytes),
                                  each.pinned ? "pinned" : "in use"));
  }
  std::string bound;
  if (limits.bytes_max > 0) bound = mebibytes(limits.bytes_max);
  if (limits.models_max > 0) {
    bound += fmt::format("{}{} {}", bound.empty() ? "" : " and ", limits.models_max,
                         limits.models_max == 1 ? "model" : "models");
  }
  return resource_exhausted(fmt::format(
      "expected room for {} within {}, found it held by {}; unload one of them or raise the bound",
      mebibytes(bytes), bound, fmt::join(holders, ", ")));
}

}  // namespace

Admission admit(std::span<const Resident> residents, uint64_t bytes,
                const AdmissionLimits& limits) {
  if (limits.bytes_max > 0 && bytes > limits.bytes_max) {
    return {.evict = {},
            .refused = resource_exhausted(fmt::format(
                "expected at most {} for all models, found one that needs {}; raise the bound or "
                "choose a narrower precision",
                mebibytes(limits.bytes_max), mebibytes(bytes)))};
  }
  uint64_t used = 0;
  uint64_t count = residents.size();
  std::vector<const Resident*> idle;
  for (const Resident& each : residents) {
    used += each.bytes;
    if (!each.busy && !each.pinned) idle.push_back(&each);
  }
  std::ranges::stable_sort(idle, {}, &Resident::last_used);
  const auto fits = [&] {
    return (limits.bytes_max == 0 || used <= limits.bytes_max - bytes) &&
           (limits.models_max == 0 || count < limits.models_max);
  };
  Admission admission;
  for (const Resident* each : idle) {
    if (fits()) break;
    admission.evict.push_back(each->name);
    used -= each->bytes;
    --count;
  }
  if (!fits()) return {.evict = {}, .refused = no_room(residents, bytes, limits)};
  return admission;
}

}  // namespace accel::runtime
