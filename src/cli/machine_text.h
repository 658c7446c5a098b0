// The machine for people and for programs: processor, limits, memory, and how fast it was measured
// to be.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "accel/hardware.h"
#include "hardware/accelerators.h"
#include "hardware/cpu.h"
#include "hardware/limits.h"

namespace accel::cli {

struct Machine {
  hardware::CpuInfo cpu;
  hardware::CpuLimits limits;
  hardware::MemoryLimits memory;
  std::vector<hardware::Accelerator> accelerators;
};

// Reads /proc and /sys, a few milliseconds.
Machine look_at_machine();

// A table with a row per fact. `speed` is what Engine::machine_speed() said.
std::string machine_text(const Machine& machine, const Result<MachineSpeed>& speed);
// A table with a row per accelerator and why it is not ready.
std::string accelerators_text(const Machine& machine);

// "cpu", "memory", "accelerators" and "speed" (null where it was not measured) into `out`.
void add_machine(nlohmann::ordered_json& out, const Machine& machine,
                 const Result<MachineSpeed>& speed);

// "62.1 GFLOP/s on one core, 120.3 on 2 threads (f32, avx2)"
std::string dense_speed_text(const MachineSpeed& speed);

// What get_accelerate_status() found: a table, and the same for programs.
std::string acceleration_text(const AccelerateStatus& status);
nlohmann::ordered_json acceleration_json(const AccelerateStatus& status);

}  // namespace accel::cli
