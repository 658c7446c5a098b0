#include "kernels/avx512.h"

#include "kernels/lanes_avx512.h"
#include "kernels/loops.h"

namespace accel::kernels {

constinit const KernelTable kAvx512 = Loops<LanesAvx512>::table("avx512");

}  // namespace accel::kernels
