// The text of --device: parsed, resolved and written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::runtime;
  const auto set = parse_devices({reinterpret_cast<const char*>(data), size});
  if (!set.ok()) return 0;
  for (const DeviceMember& member : set->members) {
    const auto again = parse_devices("MULTI:" + to_text(member));
    if (!again.ok() || again->members.front().name != member.name ||
        again->members.front().cores != member.cores) {
      std::abort();
    }
  }
  const std::vector<std::string> present{"CPU", "GPU.0", "NPU"};
  const auto resolved = resolve_devices(*set, present);
  if (resolved.ok() && resolved->members.empty()) std::abort();
  return 0;
}
