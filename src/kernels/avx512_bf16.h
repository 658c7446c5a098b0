// The table for x86 processors with AVX-512 F, BW, DQ, VL and BF16.
#pragma once

#include "kernels/kernel_table.h"

namespace accel::kernels {

extern const KernelTable kAvx512Bf16;

}  // namespace accel::kernels
