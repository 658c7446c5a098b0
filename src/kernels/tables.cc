#include "kernels/tables.h"

#include <vector>

#ifdef ACCEL_X86
#include "kernels/avx2.h"
#include "kernels/avx512.h"
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
#endif
  return tables;
}

}  // namespace

std::span<const KernelTable* const> kernel_tables() {
  static const std::vector<const KernelTable*> tables = find_tables();
  return tables;
}

}  // namespace accel::kernels
