// The answer to a request for inference over REST, in the same forms as the request. Pure.
#pragma once

#include <optional>
#include <vector>

#include "accel/status.h"
#include "server/http/message.h"
#include "server/kserve/infer.h"

namespace accel::server::kserve {

// Which outputs are written as binary data behind the JSON.
struct BinaryOutputs {
  bool by_default = false;               // the request's "binary_data_output"
  std::vector<std::optional<bool>> own;  // "binary_data" of each wanted output, in their order
};

// INVALID_ARGUMENT for FP16 and BF16 that are to be JSON.
Result<http::Response> format_infer_answer(const InferAnswer& answer, const BinaryOutputs& binary);

}  // namespace accel::server::kserve
