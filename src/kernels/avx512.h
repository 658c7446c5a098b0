// The table for x86 processors with AVX-512 F, DQ and VL.
#pragma once

#include "kernels/kernel_table.h"

namespace accel::kernels {

extern const KernelTable kAvx512;

}  // namespace accel::kernels
