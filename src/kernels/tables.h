// The inner loops that this machine can run.
#pragma once

#include <span>

#include "kernels/kernel_table.h"

namespace accel::kernels {

// All of them, and they live as long as the program.
std::span<const KernelTable* const> kernel_tables();

// The fastest whose dense layers multiply such operands. Null where none has the machine's
// instructions, and, of bf16, where it has tiles (AMX), which are faster and which only the
// engine's kernels use: then those serve.
const KernelTable* best_kernels(Operand operand);

}  // namespace accel::kernels
