#include "hardware/former_devices.h"

#include <gtest/gtest.h>

namespace accel::hardware {
namespace {

// row 17 (partial: the names; the list of what exists is the engine's)
TEST(FormerDevices, NameTheirSuccessor) {
  for (const char* name :
       {"MYRIAD", "VPU", "HDDL", "GNA", "myriad", "MYRIAD.1.2-ma2480", "VPU.0"}) {
    EXPECT_NE(fate_of_device(name).find("NPU"), std::string_view::npos) << name;
    EXPECT_EQ(successor_of_device(name), "NPU") << name;
  }
  for (const char* name : {"", "CPU", "GPU.1", "NPU", "MYRIADS", ".VPU"}) {
    EXPECT_EQ(fate_of_device(name), "") << name;
    EXPECT_EQ(successor_of_device(name), "") << name;
  }
}

}  // namespace
}  // namespace accel::hardware
