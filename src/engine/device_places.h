// Which devices of a backend a text means.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.h"
#include "runtime/device_set.h"

namespace accel::engine {

// Several devices become members that share the work, or, of HETERO, one of the engine's making.
// INVALID_ARGUMENT for a text that is none, NOT_FOUND where none of several is there.
Result<runtime::ResolvedDevices> find_devices(const backend::Backend& backend,
                                              const std::string& text);

// What is said of those that are not there.
std::vector<std::string> notices_of(const runtime::ResolvedDevices& devices);

// The devices to try one after another, and what is said of them.
struct DevicePlaces {
  std::vector<std::string> devices;
  std::vector<std::string> notices;
};

// Of AUTO those that are there; what else is asked for is one. `backend` may be null: then nothing
// is known to be there.
Result<DevicePlaces> places_of(const backend::Backend* backend, const std::string& text);

}  // namespace accel::engine
