// The table for x86 processors with AVX2 and FMA.
#pragma once

#include "kernels/kernel_table.h"

namespace accel::kernels {

extern const KernelTable kAvx2;

}  // namespace accel::kernels
