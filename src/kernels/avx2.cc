#include "kernels/avx2.h"

#include "kernels/lanes_avx2.h"
#include "kernels/loops.h"

namespace accel::kernels {

constinit const KernelTable kAvx2 = Loops<LanesAvx2>::table("avx2");

}  // namespace accel::kernels
