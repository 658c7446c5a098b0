// Which models make room for another one. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"

namespace accel::runtime {

// A model that takes memory, or is about to.
struct Resident {
  std::string name;
  uint64_t bytes = 0;
  int64_t last_used = 0;  // on any clock: the least goes first
  bool busy = false;      // leased, or on its way in or out
  bool pinned = false;
};

struct AdmissionLimits {
  uint64_t bytes_max = 0;   // of all models together; 0: no bound
  uint64_t models_max = 0;  // likewise
};

struct Admission {
  std::vector<std::string> evict;  // in this order, before the new one is loaded
  Status refused;                  // RESOURCE_EXHAUSTED: nothing is to be evicted
};

// Room for a model of `bytes` beside `residents`: those not used for longest go, as few as are
// enough. Refuses rather than evict one that is busy or pinned, and says who holds the room.
Admission admit(std::span<const Resident> residents, uint64_t bytes, const AdmissionLimits& limits);

}  // namespace accel::runtime
