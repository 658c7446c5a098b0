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

TEST(DeviceSets, CoresOfTheCpu) {
  EXPECT_EQ(resolved("CPU[1,0]", kServer), "CPU[0-1]");
  EXPECT_EQ(resolved("MULTI:CPU[0](2),CPU[1,3-5](1),GPU", kDesktop),
            "CPU[0](2) CPU[1,3-5](1) GPU(1)");
  EXPECT_EQ(resolved("AUTO:GPU,CPU[0,2]", kServer), "CPU[0,2] -GPU");
  const Result<DeviceSet> set = parse_devices("CPU[0,2-3]");
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->members.front().name, "CPU");
  EXPECT_EQ(set->members.front().threads, 3);
  EXPECT_EQ(set->members.front().cores, (std::vector<int>{0, 2, 3}));
  for (const char* text :
       {"CPU[]", "CPU[", "CPU[0", "CPU[0]]", "CPU[1-0]", "CPU[0,0]", "CPU[-1]", "CPU[1024]",
        "CPU[0,]", "CPU[0-]", "GPU[0]", "CPU[0]/2", "MULTI:CPU[0"}) {
    EXPECT_FALSE(parse_devices(text).ok()) << text;
  }
  EXPECT_THAT(resolved("CPU[1-0]", kServer), HasSubstr("as in CPU[0-1]"));
  EXPECT_THAT(resolved("CPU[0](2)", kServer), HasSubstr("only MULTI has weights"));
  EXPECT_THAT(resolved("HETERO:GPU,CPU[0]", kServer), HasSubstr("whole devices in HETERO"));
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
