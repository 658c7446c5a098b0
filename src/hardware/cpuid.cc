#include "hardware/cpuid.h"

#include <algorithm>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace accel::hardware {
namespace {

bool bit(uint32_t word, int number) { return (word >> number & 1u) != 0; }

}  // namespace

std::vector<std::string> cpuid_features(const CpuidRegisters& r) {
  const bool avx = bit(r.leaf1_ecx, 27) && (r.xcr0 & 0x6) == 0x6;
  const bool avx512 = avx && (r.xcr0 & 0xe0) == 0xe0;
  const bool amx = (r.xcr0 & 0x60000) == 0x60000;
  std::vector<std::string> features;
  const auto add = [&features](bool present, const char* name) {
    if (present) features.emplace_back(name);
  };
  add(bit(r.leaf1_ecx, 20), "sse4_2");
  add(avx && bit(r.leaf1_ecx, 28), "avx");
  add(avx && bit(r.leaf1_ecx, 12), "fma");
  add(avx && bit(r.leaf1_ecx, 29), "f16c");
  add(avx && bit(r.leaf7_ebx, 5), "avx2");
  add(avx && bit(r.leaf7_1_eax, 4), "avx_vnni");
  add(avx && bit(r.leaf7_1_eax, 23), "avx_ifma");
  add(avx && bit(r.leaf7_1_edx, 4), "avx_vnni_int8");
  add(avx && bit(r.leaf7_1_edx, 5), "avx_ne_convert");
  add(avx && bit(r.leaf7_1_edx, 19), "avx10");
  add(avx512 && bit(r.leaf7_ebx, 16), "avx512f");
  add(avx512 && bit(r.leaf7_ebx, 17), "avx512dq");
  add(avx512 && bit(r.leaf7_ebx, 30), "avx512bw");
  add(avx512 && bit(r.leaf7_ebx, 31), "avx512vl");
  add(avx512 && bit(r.leaf7_ecx, 11), "avx512_vnni");
  add(avx512 && bit(r.leaf7_edx, 23), "avx512_fp16");
  add(avx512 && bit(r.leaf7_1_eax, 5), "avx512_bf16");
  add(amx && bit(r.leaf7_edx, 22), "amx_bf16");
  add(amx && bit(r.leaf7_edx, 24), "amx_tile");
  add(amx && bit(r.leaf7_edx, 25), "amx_int8");
  add(amx && bit(r.leaf7_1_eax, 21), "amx_fp16");
  std::sort(features.begin(), features.end());
  return features;
}

CpuidRegisters read_cpuid() {
  CpuidRegisters r;
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return r;
  r.leaf1_ecx = ecx;
  if (bit(ecx, 27)) {
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    r.xcr0 = static_cast<uint64_t>(high) << 32 | low;
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return r;
  r.leaf7_ebx = ebx;
  r.leaf7_ecx = ecx;
  r.leaf7_edx = edx;
  if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) {
    r.leaf7_1_eax = eax;
    r.leaf7_1_edx = edx;
  }
#endif
  return r;
}

}  // namespace accel::hardware
