// ModelInfer and ModelStreamInfer. What requests mean stands in infer.h.
#include "base/protobuf.h"
#include "base/try.h"
#include "server/grpc/methods.h"
#include "server/kserve/infer.h"
#include "server/kserve/infer_message.h"

namespace accel::server {
namespace kserve {
namespace {

std::string streamed(const std::string& answer) {
  WireWriter writer;
  writer.reserve(answer.size() + 16);
  writer.text(2, answer);
  return writer.take();
}

class InferMessageFormatter : public Formatter {
 public:
  InferMessageFormatter(InferCollector collector, bool stream)
      : collector_(std::move(collector)), stream_(stream) {}

  Status take(service::Event event, std::string&) override {
    return collector_.take(std::move(event));
  }
  Result<http::Response> finish() override {
    ACCEL_ASSIGN(const InferAnswer answer, collector_.finish());
    std::string message = infer_message_of(answer);
    return http::Response{.body = stream_ ? streamed(message) : std::move(message)};
  }

 private:
  InferCollector collector_;
  const bool stream_;  // the answer is one of many
};

Result<Call> infer_call(Asked& asked, bool stream) {
  ACCEL_ASSIGN(InferRequest request, parse_infer_message(std::move(asked.body), asked.limits));
  ACCEL_ASSIGN(InferCall call, call_of(std::move(request), asked.limits));
  return Call{std::move(call.request),
              std::make_unique<InferMessageFormatter>(std::move(call.answer), stream)};
}

Result<Call> parse_model_infer(Asked asked) { return infer_call(asked, /*stream=*/false); }
Result<Call> parse_stream_infer(Asked asked) { return infer_call(asked, /*stream=*/true); }

std::string stream_error(const Status& status) {
  WireWriter writer;
  writer.text(1, status.message());
  return writer.take();
}

}  // namespace
}  // namespace kserve

Endpoint kserve_model_infer_method() {
  return {.method = "POST",
          .path = "/inference.GRPCInferenceService/ModelInfer",
          .errors = ErrorShape::kGrpc,
          .parse = kserve::parse_model_infer};
}

Endpoint kserve_model_stream_infer_method() {
  return {.method = "POST",
          .path = "/inference.GRPCInferenceService/ModelStreamInfer",
          .errors = ErrorShape::kGrpc,
          .parse = kserve::parse_stream_infer,
          .error_message = kserve::stream_error};
}

}  // namespace accel::server
