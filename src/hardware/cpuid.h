// The x86 instruction that asks the processor itself. An older kernel does not list the newest
// instruction sets in /proc/cpuinfo; the engine finds them by cpuid, and so does accel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accel::hardware {

// What a processor tells of itself through the cpuid instruction: the registers that hold feature
// bits. All zero on other architectures.
struct CpuidRegisters {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;  // sub-leaf 0
  uint32_t leaf7_ecx = 0;
  uint32_t leaf7_edx = 0;
  uint32_t leaf7_1_eax = 0;  // sub-leaf 1
  uint32_t leaf7_1_edx = 0;
  uint64_t xcr0 = 0;  // register states that the system saves; without it no AVX, no AMX
};

// The features that they tell of, sorted and named as in CpuInfo (cpu.h). An instruction set whose
// registers the system does not save (xcr0) is left out: using it would be a fault.
std::vector<std::string> cpuid_features(const CpuidRegisters& registers);

// Asks the processor that runs the calling thread.
CpuidRegisters read_cpuid();

}  // namespace accel::hardware
