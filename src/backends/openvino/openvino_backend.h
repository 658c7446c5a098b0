// The OpenVINO backend: every device that an OpenVINO plug-in offers.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace accel::backend {

// Never fails: what is missing is told by info().
std::unique_ptr<Backend> make_openvino_backend();

// False where a stand-in takes its place, left_out.cc, which is never available: a build without
// acceleration (ACCEL_OPENVINO_BACKEND=OFF).
bool openvino_backend_is_built();

}  // namespace accel::backend
