// Names of devices that earlier OpenVINO releases had, and what has become of them.
#pragma once

#include <string>
#include <string_view>

namespace accel::hardware {

// "MYRIAD ended with OpenVINO 2022.3, and what follows it is NPU"; empty for a name that was never
// one of those. Takes "MYRIAD.1.2-ma2480" as well, in any case. Pure.
std::string_view fate_of_device(std::string_view device);

// The kind of device that is meant today: "NPU"; empty as fate_of_device(). Pure.
std::string_view successor_of_device(std::string_view device);

}  // namespace accel::hardware
