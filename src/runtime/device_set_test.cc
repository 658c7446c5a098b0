#include "runtime/device_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::runtime {
namespace {

using ::testing::HasSubstr;

std::string resolved(std::string_view text, const std::vector<std::string>& present) {
  const Result<DeviceSet> set = parse_devices(text);
  if (!set.ok()) return set.status().message();
  const Result<ResolvedDevices> found = resolve_devices(*set, present);
  if (!found.ok()) return found.status().message();
  std::string shown;
  for (const DeviceMember& member : found->members) {
    shown += (shown.empty() ? "" : " ") + to_text(member);
  }
  for (const std::string& name : found->dropped) shown += " -" + name;
  return shown;
}

const std::vector<std::string> kDesktop{"CPU", "GPU.0", "GPU.1", "NPU"};
const std::vector<std::string> kServer{"CPU"};

// row 25 (partial: the choice; that the result names it is shown with the engine)
TEST(DeviceSets, AutoIsThoseThatAreThereTheBestFirst) {
  EXPECT_EQ(resolved("AUTO", kDesktop), "GPU.0 GPU.1 CPU NPU");
  EXPECT_EQ(resolved("AUTO", kServer), "CPU");
  EXPECT_EQ(resolved("AUTO:-GPU", kDesktop), "CPU NPU");
  EXPECT_EQ(resolved("AUTO:NPU,CPU", kDesktop), "NPU CPU");
  EXPECT_EQ(resolved("AUTO:GPU,CPU", kServer), "CPU -GPU");
}

// row 30 (partial: each subset is taken; no machine with two kinds)
TEST(DeviceSets, MultiTakesAllThatAreThere) {
  EXPECT_EQ(resolved("MULTI:GPU(1.5),CPU(1.0)", kDesktop), "GPU(1.5) CPU(1)");
  EXPECT_EQ(resolved("MULTI", kDesktop), "GPU.0 GPU.1 CPU NPU");
  EXPECT_EQ(resolved("MULTI: GPU.1 , NPU", kDesktop), "GPU.1 NPU");
  EXPECT_EQ(resolved("MULTI:CPU/1(2),CPU/1", kServer), "CPU/1(2) CPU/1(1)");
}

TEST(DeviceSets, WhatIsNotThereIsDropped) {
  EXPECT_EQ(resolved("MULTI:GPU(1.5),CPU(1.0)", kServer), "CPU -GPU");
  EXPECT_EQ(resolved("HETERO:GPU,CPU", kServer), "CPU -GPU");
  EXPECT_THAT(resolved("MULTI:GPU,NPU", kServer), HasSubstr("it has: CPU"));
}

TEST(DeviceSets, OneDeviceIsItsEnginesToFind) {
  EXPECT_EQ(resolved("GPU.7", kServer), "GPU.7");
  EXPECT_EQ(resolved("CPU/2", kServer), "CPU/2");
}

// row 112 (partial: the grammar; the keys are with the configuration)
TEST(DeviceSets, TheRightFormIsShown) {
  for (const char* text : {"MULTI:GPU(),CPU", "MULTI:GPU(-1)", "MULTI:GPU(nan)", "MULTI:GPU(1.5"}) {
    EXPECT_THAT(resolved(text, kDesktop), HasSubstr("as in GPU(1.5)")) << text;
  }
  EXPECT_THAT(resolved("AUTO:GPU(2)", kDesktop), HasSubstr("only MULTI has weights"));
  EXPECT_THAT(resolved("GPU(2)", kDesktop), HasSubstr("only MULTI has weights"));
  for (const char* text : {"CPU/0", "CPU/x", "GPU/2", "CPU/-1"}) {
    EXPECT_THAT(resolved(text, kDesktop), HasSubstr("as in CPU/2")) << text;
  }
  for (const char* text : {"", "MULTI:", "MULTI:GPU,,CPU", "A B", "GPU\n"}) {
    EXPECT_THAT(resolved(text, kDesktop), HasSubstr("a device's name")) << text;
  }
  EXPECT_THAT(resolved("BOTH:GPU,CPU", kDesktop), HasSubstr("MULTI:GPU(1.5),CPU(1.0)"));
}

}  // namespace
}  // namespace accel::runtime
