// Result files of accel bench.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "measure/bench_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = accel::measure::parse_bench_file({reinterpret_cast<const char*>(data), size});
  if (!file.ok()) return 0;
  for (const auto& run : file->runs) {
    for (const double latency : run.latencies_ms) {
      if (!(latency > 0)) __builtin_trap();
    }
  }
  return 0;
}
