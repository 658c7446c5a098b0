// Where a model is loaded: what was asked for, the local path, or what stands in for something that
// is not here. Pure but for its caller's looking around.
#pragma once

#include <string>
#include <vector>

#include "accel/engine.h"
#include "hardware/acceleration_switch.h"

namespace accel::engine {

// The first part of a load: the request, and what of it came out otherwise.
struct Placement {
  std::string backend;
  std::string device;
  Precision precision = Precision::kAuto;
  std::string fallback_reason;  // empty: what was asked for
  std::string local_reason;     // as RunReport's
};

// What was asked for, or the local path where `options` or the switch say so. A device of
// `simulated` becomes the CPU.
Placement requested_placement(const LoadOptions& options,
                              const hardware::AccelerationSwitch& acceleration,
                              const std::vector<std::string>& simulated);

// The same in a build without the OpenVINO backend: what was placed there goes to the reference
// backend, as a fallback.
Placement placement_without_openvino(Placement placement);

// OK, or what has become of a device that only earlier engines knew and that is not among
// `devices`: NOT_FOUND, which names its successor and lists what is here.
Status check_former_device(const std::string& device, const std::vector<DeviceReport>& devices);

// OK, or FAILED_PRECONDITION where a measurement would be none: devices are simulated, or
// acceleration is off, and there is nothing to choose.
Status check_measurable(bool simulates, const hardware::AccelerationSwitch& acceleration);

// OK for a list of names that can be simulated: "GPU", "GPU.1", "NPU"; not "CPU", which is real.
Status check_simulated_names(const std::vector<std::string>& names);

// The devices called `names`, as EngineOptions::simulated_devices has them, with the precisions
// of the CPU among `real`.
std::vector<DeviceReport> simulated_devices(const std::vector<std::string>& names,
                                            const std::vector<DeviceReport>& real);

}  // namespace accel::engine
