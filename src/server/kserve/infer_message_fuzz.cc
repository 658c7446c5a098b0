// Random bytes as a ModelInferRequest, and as a body of gRPC: what is read is whole, within its
// limits, and can be answered.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/grpc/messages.h"
#include "server/kserve/infer_message.h"

namespace accel::server {
namespace {

constexpr RequestLimits kLimits{.items_max = 64, .tensor_bytes_max = 1 << 16};

void check(bool holds) {
  if (!holds) std::abort();
}

void answer(kserve::InferRequest request) {
  kserve::InferAnswer answer{.model = "m", .id = request.id, .parameters = request.parameters};
  for (const kserve::InferInput& input : request.inputs) {
    std::string bytes;
    kserve::append_bytes(input.data, bytes);
    check(bytes.size() == kserve::byte_size_of(input.data));
    answer.outputs.push_back({input.name, input.data});
  }
  check(!kserve::infer_message_of(answer).empty());
  const auto call = kserve::call_of(std::move(request), kLimits);
  check(call.ok() || call.status().code() == StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace accel::server

// The first byte says how the body is cut; what lies behind it is the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::server;
  if (size < 1) return 0;
  const size_t step = data[0] + size_t{1};
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  grpc::MessageReader reader(accel::http::Coding::kGzip, 1 << 16);
  for (size_t at = 0; at < body.size(); at += step) {
    reader.add(body.substr(at, step));
    while (true) {
      auto message = reader.next();
      if (!message.ok() || !*message) break;
      check((*message)->size() <= 1 << 16);
    }
  }
  auto request = kserve::parse_infer_message(std::string(body), kLimits);
  if (request.ok()) {
    answer(std::move(*request));
  } else {
    check(request.status().code() == accel::StatusCode::kInvalidArgument);
  }
  return 0;
}
