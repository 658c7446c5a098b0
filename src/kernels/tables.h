// The inner loops that this machine can run.
#pragma once

#include <span>

#include "kernels/kernel_table.h"

namespace accel::kernels {

// The fastest first. Empty where no table has the machine's instructions: then the engine's own
// kernels serve. The tables live as long as the program.
std::span<const KernelTable* const> kernel_tables();

}  // namespace accel::kernels
