// The OpenVINO backend: every device that an OpenVINO plug-in offers.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace accel::backend {

// Never fails: what is missing is told by info().
std::unique_ptr<Backend> make_openvino_backend();

}  // namespace accel::backend
