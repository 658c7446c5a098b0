// The text of --simulate-fault: what is read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "backends/faulty/fault_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::backend;
  const auto faults = parse_faults({reinterpret_cast<const char*>(data), size});
  if (!faults.ok()) return 0;
  for (const Fault& fault : *faults) {
    const auto again = parse_faults(to_text(fault));
    if (!again.ok() || again->size() != 1 || again->front() != fault) std::abort();
  }
  return 0;
}
