// Random bytes as a body of KServe's inference: what is read is whole, and what is asked of the
// service and answered holds together.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/kserve/infer_body.h"
#include "server/kserve/infer_response.h"

namespace accel::server::kserve {
namespace {

constexpr RequestLimits kLimits{.items_max = 64, .tensor_bytes_max = 1 << 16};

void check(bool holds) {
  if (!holds) std::abort();
}

// Reads every byte, which lies in memory that the data keeps.
void touch(const TensorData& data) {
  std::string bytes;
  append_bytes(data, bytes);
  check(bytes.size() == byte_size_of(data));
  const uint64_t count = *count_of(shape_of(data));
  if (const auto* tensor = std::get_if<Tensor>(&data)) {
    check(tensor->count() == count && bytes.size() == count * size_of(tensor->dtype()));
    check(reinterpret_cast<uintptr_t>(tensor->bytes().data()) % size_of(tensor->dtype()) == 0);
  } else {
    const Strings& strings = std::get<Strings>(data);
    check(strings.values.size() == count);
    check(*parse_strings(bytes, count) == strings.values);
  }
}

// The inputs as an answer, and a call with them as the outputs of its graph.
void answer(InferBody& body) {
  InferAnswer answer{.model = "m", .id = body.request.id};
  for (const InferInput& input : body.request.inputs) {
    answer.outputs.push_back({input.name, input.data});
  }
  const auto response = format_infer_answer(answer, body.binary);
  check(response.ok() || response.status().code() == StatusCode::kInvalidArgument);

  InferResult result;
  for (const InferInput& input : body.request.inputs) {
    if (const auto* tensor = std::get_if<Tensor>(&input.data)) {
      result.outputs.push_back({input.name, *tensor});
    }
  }
  Result<InferCall> call = call_of(std::move(body.request), kLimits);
  if (!call.ok()) {
    check(call.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  if (const auto* items = std::get_if<service::RunItems>(&call->request)) {
    check(!items->items.empty() && items->items.size() <= kLimits.items_max);
    return;
  }
  check(call->answer.take(std::move(result)).ok());
  const auto outputs = call->answer.finish();
  check(outputs.ok() || outputs.status().code() == StatusCode::kInvalidArgument);
}

void run(std::string body, const std::string& header_length) {
  Result<InferBody> parsed = parse_infer_body(std::move(body), header_length, kLimits);
  if (!parsed.ok()) {
    check(parsed.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  for (const InferInput& input : parsed->request.inputs) touch(input.data);
  answer(*parsed);
}

}  // namespace
}  // namespace accel::server::kserve

// The first two bytes are the length of the JSON; 0: the header is not there.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const unsigned length = data[0] | data[1] << 8;
  const std::string header_length = length == 0 ? "" : std::to_string(length);
  accel::server::kserve::run(std::string(reinterpret_cast<const char*>(data + 2), size - 2),
                             header_length);
  return 0;
}
