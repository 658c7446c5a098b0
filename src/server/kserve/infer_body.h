// A request for inference over REST: JSON, or JSON with binary data behind it. Pure, and safe on
// hostile bytes.
// docs/protocol/extension_binary_data.md in https://github.com/triton-inference-server/server
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/json/json_reader.h"
#include "server/kserve/infer.h"
#include "server/kserve/infer_response.h"

namespace accel::server::kserve {

struct InferBody {
  InferRequest request;  // without its model
  BinaryOutputs binary;
};

// `header_length` is the header Inference-Header-Content-Length as it was sent: how many bytes of
// the body are JSON; empty: all. Members come in any order; "data" may be flat or nested. Tensors
// of binary data are views of the body, which they keep. INVALID_ARGUMENT says where and what is
// wrong; sizes are checked before anything is allocated.
Result<InferBody> parse_infer_body(std::string body, std::string_view header_length,
                                   const RequestLimits& limits);

// The members of a "parameters" object, added to `parameters`: strings, numbers, true and false.
// null is as if it were not there.
Status read_parameters(JsonValue& value, Parameters& parameters);

}  // namespace accel::server::kserve
