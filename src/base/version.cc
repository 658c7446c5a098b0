#include "accel/version.h"

#include "accel/engine.h"

namespace accel {

std::string_view version() { return kVersion; }

}  // namespace accel
