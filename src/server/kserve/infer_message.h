// A request for inference over gRPC, and its answer: the messages ModelInferRequest and
// ModelInferResponse of grpc_service.proto. Pure, and safe on hostile bytes.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/kserve/infer.h"

namespace accel::server::kserve {

// Inputs may be raw or typed; raw ones are views of the message, which they keep.
// INVALID_ARGUMENT says what is wrong; sizes are checked before anything is allocated.
Result<InferRequest> parse_infer_message(std::string message, const RequestLimits& limits);

// Outputs are raw, as Triton gives them.
std::string infer_message_of(const InferAnswer& answer);

// An entry of a map of parameters, added to `parameters`.
Status read_parameter_entry(std::string_view entry, Parameters& parameters);

}  // namespace accel::server::kserve
