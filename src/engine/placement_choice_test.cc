#include "engine/placement_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::engine {
namespace {

using testing::HasSubstr;

const hardware::AccelerationSwitch kSwitchedOn;

hardware::AccelerationSwitch switched_off() { return hardware::parse_acceleration_switch("0"); }

DeviceReport device_called(const std::string& name, std::vector<Precision> precisions) {
  DeviceReport device;
  device.backend = "openvino";
  device.name = name;
  device.full_name = "a " + name;
  device.precisions = std::move(precisions);
  return device;
}

Offer offer_of(std::vector<DeviceReport> devices) { return {{}, std::move(devices)}; }

Placement asked_for(const std::string& device, Precision precision = Precision::kAuto) {
  return requested_placement({.device = device, .precision = precision}, kSwitchedOn, {});
}

TEST(PlacementChoice, IsWhatWasAskedForWhereNothingStandsAgainstIt) {
  const Placement placement = requested_placement(
      {.backend = "openvino", .device = "GPU.1", .precision = Precision::kBF16}, kSwitchedOn, {});
  EXPECT_EQ(placement.backend, "openvino");
  EXPECT_EQ(placement.device, "GPU.1");
  EXPECT_EQ(placement.precision, Precision::kBF16);
  EXPECT_EQ(placement.fallback_reason + placement.local_reason, "");
}

// row 220 (partial: the choice; the journey has the run)
TEST(PlacementChoice, TheLocalPathIsTheReferenceWhateverElseIsAskedFor) {
  const Placement by_option = requested_placement(
      {.device = "GPU.1", .precision = Precision::kAuto, .local = true}, kSwitchedOn, {});
  EXPECT_EQ(by_option.backend, "reference");
  EXPECT_EQ(by_option.device, "CPU");
  EXPECT_EQ(by_option.precision, Precision::kF32);
  EXPECT_EQ(by_option.local_reason, "asked for");
  EXPECT_EQ(by_option.fallback_reason, "");
  EXPECT_THAT(requested_placement({.precision = Precision::kBF16, .local = true}, kSwitchedOn, {})
                  .fallback_reason,
              HasSubstr("not in bf16"));
}

// row 215 (partial: the choice; the journey has the run)
TEST(PlacementChoice, TheSwitchTakesEveryRequestToTheLocalPathAndSaysSo) {
  for (const char* device : {"CPU", "GPU.7", "MYRIAD", "no such thing"}) {
    const Placement placement =
        requested_placement({.device = device, .precision = Precision::kI8}, switched_off(), {});
    EXPECT_EQ(placement.backend, "reference");
    EXPECT_EQ(placement.device, "CPU");
    EXPECT_EQ(placement.precision, Precision::kF32);
    EXPECT_EQ(placement.local_reason, "IPFS_ACCELERATE_ENABLED=0");
    EXPECT_THAT(placement.fallback_reason, HasSubstr(std::string("openvino on ") + device));
  }
  // Whoever wanted nothing else is told nothing of a replacement.
  EXPECT_EQ(requested_placement({.backend = "reference"}, switched_off(), {}).fallback_reason, "");
  EXPECT_EQ(requested_placement({.local = true}, switched_off(), {}).fallback_reason, "");
}

// row 22 (partial: the choice; the journey has the run)
TEST(PlacementChoice, WhatIsMissingIsReplacedWithAReason) {
  const Offer cpu = offer_of({device_called("CPU", {Precision::kF32})});
  const Placement other = replace_what_is_missing(asked_for("GPU.7"), cpu);
  EXPECT_EQ(other.device, "CPU");
  EXPECT_EQ(other.precision, Precision::kAuto);
  EXPECT_THAT(other.fallback_reason, HasSubstr("'GPU.7' is not on this machine: CPU instead"));
  const Placement former = replace_what_is_missing(asked_for("VPU"), cpu);
  EXPECT_THAT(former.fallback_reason, HasSubstr("VPU is called NPU now"));
  const Placement narrow = replace_what_is_missing(asked_for("CPU", Precision::kBF16), cpu);
  EXPECT_EQ(narrow.precision, Precision::kF32);
  EXPECT_THAT(narrow.fallback_reason, HasSubstr("does not compute in bf16"));
  EXPECT_EQ(replace_what_is_missing(asked_for("CPU"), cpu).fallback_reason, "");

  const Offer gpu = offer_of({device_called("GPU", {Precision::kF32, Precision::kF16})});
  EXPECT_EQ(replace_what_is_missing(asked_for("CPU", Precision::kF16), gpu).device, "GPU");

  const Placement none = replace_what_is_missing(asked_for("CPU"), {"no plug-in", {}});
  EXPECT_EQ(none.backend, "reference");
  EXPECT_THAT(none.fallback_reason, HasSubstr("no plug-in"));
}

TEST(PlacementChoice, AFormerDeviceIsExplainedUnlessItIsHere) {
  const std::vector<DeviceReport> here{device_called("CPU", {}), device_called("NPU", {})};
  const Status status = check_former_device("MYRIAD.1", here);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("what follows it is NPU; expected one of: CPU, NPU"));
  EXPECT_TRUE(check_former_device("GPU.7", here).ok());  // the engine's own to refuse
  EXPECT_TRUE(check_former_device("VPU", {device_called("VPU", {})}).ok());
}

TEST(PlacementChoice, SimulatedDevicesAreNamedAsRealOnesAndMarked) {
  EXPECT_TRUE(check_simulated_names({"GPU", "GPU.1", "NPU"}).ok());
  for (const char* name : {"", "CPU", "gpu", "GPU.", "GPU.x", ".1", "CPU.0", "GPU 1"}) {
    EXPECT_EQ(check_simulated_names({name}).code(), StatusCode::kInvalidArgument) << name;
  }
  const auto devices = simulated_devices({"GPU.1"}, {device_called("CPU", {Precision::kF32})});
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].name, "GPU.1");
  EXPECT_EQ(devices[0].kind, "gpu");
  EXPECT_TRUE(devices[0].simulated);
  EXPECT_THAT(devices[0].full_name, HasSubstr("simulated on"));
  EXPECT_TRUE(simulated_devices({"GPU"}, {}).empty());
  EXPECT_EQ(requested_placement({.device = "GPU.1"}, kSwitchedOn, {"GPU.1"}).device, "CPU");
}

}  // namespace
}  // namespace accel::engine
