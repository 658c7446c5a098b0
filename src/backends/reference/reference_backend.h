// The reference backend: slow, readable, always there. It computes one node after another with the
// arithmetic that every operation of the OpenVINO core library carries for its own checks, on one
// thread, in f32, without any plug-in. It is the second opinion of the conformance suite and of
// every number, and what is left when no plug-in can be loaded.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace accel::backend {

// Never fails. Its one device is "CPU" in f32. Graphs with state or control flow, and operations
// that neither have that arithmetic nor stand in decompose.h, are refused by compile() with
// UNIMPLEMENTED naming operations and nodes. run() of contradictory input shapes is
// INVALID_ARGUMENT naming the node that found them.
std::unique_ptr<Backend> make_reference_backend();

}  // namespace accel::backend
