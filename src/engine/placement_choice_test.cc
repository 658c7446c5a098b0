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

// row 217 (partial: what a build without the OpenVINO backend makes of a request)
TEST(PlacementWithoutOpenVino, IsTheReferenceBackendAndSaysSo) {
  const Placement asked{.backend = "openvino", .device = "GPU", .precision = Precision::kF16};
  const Placement placed = placement_without_openvino(asked);
  EXPECT_EQ(placed.backend, "reference");
  EXPECT_EQ(placed.device, "CPU");
  EXPECT_EQ(placed.precision, Precision::kF32);
  EXPECT_EQ(placed.fallback_reason,
            "reference on CPU instead of openvino on GPU: this build leaves the OpenVINO backend "
            "out");
  for (const char* other : {"reference", "pytorch"}) {
    EXPECT_EQ(placement_without_openvino({.backend = other}).backend, other);
    EXPECT_EQ(placement_without_openvino({.backend = other}).fallback_reason, "");
  }
}

}  // namespace
}  // namespace accel::engine
