// How fast this machine multiplies matrices and reads memory, measured with accel's own kernels and
// remembered by processor and thread count.
#pragma once

#include <cstdint>
#include <string>

#include "accel/engine.h"
#include "hardware/cpu.h"
#include "store/facts.h"

namespace accel::engine {

struct MachineSpeedOptions {
  int threads = 1;
  double seconds_each = 0.25;           // of each of the three measurements
  uint64_t memory_bytes = 256U << 20U;  // read over and over, of all threads together
};

// Measures now. `measured_at` and `remembered` stay empty.
MachineSpeed measure_machine_speed(const MachineSpeedOptions& options);

// The same of the machine with this processor, with as many bytes as it needs, and the date of now.
MachineSpeed measure_this_machine(const hardware::CpuInfo& processor, int threads);

// Bytes to read so that no cache holds a quarter of them, within an eighth of what is available.
// Pure.
uint64_t bytes_beyond_caches(uint64_t cache_bytes, uint64_t available_bytes);

// What is remembered for `cpu` (CpuInfo::identity()) and `threads`; NOT_FOUND.
Result<MachineSpeed> recall_machine_speed(const store::Facts& facts, const std::string& cpu,
                                          int threads);

// Remembers; `remembered` says whether that could be done.
void remember_machine_speed(store::Facts& facts, const std::string& cpu, MachineSpeed& speed);

}  // namespace accel::engine
