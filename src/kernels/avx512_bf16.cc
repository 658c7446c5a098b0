#include "kernels/avx512_bf16.h"

#include "kernels/lanes_avx512_bf16.h"
#include "kernels/loops.h"

namespace accel::kernels {

constinit const KernelTable kAvx512Bf16 = Loops<LanesAvx512Bf16>::table("avx512_bf16");

}  // namespace accel::kernels
