// The version of these headers; accel::version() in engine.h is that of the library.
#pragma once

#include <string_view>

namespace accel {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace accel
