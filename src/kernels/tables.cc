#include "kernels/tables.h"

#include <algorithm>
#include <vector>

#ifdef ACCEL_X86
#include <cpuid.h>

#include "kernels/avx2.h"
#include "kernels/avx512.h"
#include "kernels/avx512_bf16.h"
#endif

namespace accel::kernels {
namespace {

std::vector<const KernelTable*> find_tables() {
  std::vector<const KernelTable*> tables;
#ifdef ACCEL_X86
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 &&
                      __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0;
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (avx512) tables.push_back(&kAvx512);
  if (avx2) tables.push_back(&kAvx2);
  const bool pairs =
      __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  if (avx512 && pairs) tables.push_back(&kAvx512Bf16);
#endif
  return tables;
}

bool has_tiles() {
#ifdef ACCEL_X86
  constexpr unsigned kAmxBf16 = 1U << 22;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kAmxBf16) != 0;
#else
  return false;
#endif
}

}  // namespace

std::span<const KernelTable* const> kernel_tables() {
  static const std::vector<const KernelTable*> tables = find_tables();
  return tables;
}

const KernelTable* best_kernels(Operand operand) {
  if (operand == Operand::kBF16Pair && has_tiles()) return nullptr;
  const auto tables = kernel_tables();
  const auto found = std::ranges::find(tables, operand, &KernelTable::operand);
  return found == tables.end() ? nullptr : *found;
}

}  // namespace accel::kernels
