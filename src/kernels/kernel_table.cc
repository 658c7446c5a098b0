#include "kernels/kernel_table.h"

#ifdef ACCEL_AVX512
#include "kernels/avx512.h"
#endif

namespace accel::kernels {

const KernelTable* kernel_table() {
#ifdef ACCEL_AVX512
  static const bool supported = __builtin_cpu_supports("avx512f") != 0 &&
                                __builtin_cpu_supports("avx512dq") != 0 &&
                                __builtin_cpu_supports("avx512vl") != 0;
  if (supported) return &kAvx512;
#endif
  return nullptr;
}

}  // namespace accel::kernels
