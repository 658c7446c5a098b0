// POST /v2/models/{model}/infer: the Open Inference Protocol, with Triton's extensions for binary
// data and classification. What requests mean stands in infer.h.
#include "base/try.h"
#include "server/endpoints.h"
#include "server/kserve/described_models.h"
#include "server/kserve/infer.h"
#include "server/kserve/infer_body.h"
#include "server/kserve/infer_response.h"

namespace accel::server {
namespace kserve {
namespace {

class InferFormatter : public Formatter {
 public:
  InferFormatter(InferCollector collector, BinaryOutputs binary)
      : collector_(std::move(collector)), binary_(std::move(binary)) {}

  Status take(service::Event event, std::string&) override {
    return collector_.take(std::move(event));
  }
  Result<http::Response> finish() override {
    ACCEL_ASSIGN(const InferAnswer answer, collector_.finish());
    return format_infer_answer(answer, binary_);
  }

 private:
  InferCollector collector_;
  const BinaryOutputs binary_;
};

Result<Call> parse_infer(Asked asked) {
  const std::string_view header_length =
      http::find(asked.head.headers, "inference-header-content-length");
  ACCEL_ASSIGN(InferBody body,
               parse_infer_body(std::move(asked.body), header_length, asked.limits));
  body.request.model = asked.captured[0];
  if (asked.captured.size() > 1) body.request.version = asked.captured[1];
  ACCEL_ASSIGN(InferCall call, call_of(std::move(body.request), asked.limits));
  return Call{std::move(call.request),
              std::make_unique<InferFormatter>(std::move(call.answer), std::move(body.binary))};
}

constexpr std::string_view kInferOperation = R"({
  "parameters": [{"name": "Inference-Header-Content-Length", "in": "header", "required": false,
    "description": "How many bytes of the body are JSON, where binary data follows it; all else.",
    "schema": {"type": "integer", "minimum": 1}}],
  "requestBody": {"required": true, "content": {
    "application/json": {"example": {"inputs": [
      {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a text"]}]}, "schema": {
      "type": "object", "required": ["inputs"], "properties": {
        "id": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"],
          "description": "The task of items and its options, all of them accel's own.",
          "properties": {
            "binary_data_output": {"type": ["boolean", "null"]},
            "timeout": {"type": ["integer", "null"], "minimum": 0,
              "maximum": 9223372036854775807, "description": "Microseconds; 0: none."},
            "priority": {"type": ["integer", "null"], "minimum": 0,
              "maximum": 9223372036854775807, "description": "1 goes first."},
            "sequence_id": {"enum": [0, "", null]},
            "sequence_start": {"enum": [false, null]},
            "sequence_end": {"enum": [false, null]},
            "task": {"type": ["string", "null"]},
            "top_k": {"type": ["integer", "null"]},
            "dimensions": {"type": ["integer", "null"], "minimum": 1},
            "normalize": {"type": ["boolean", "null"]},
            "prompt": {"type": ["string", "null"]}},
          "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
        "inputs": {"type": "array", "minItems": 1, "maxItems": 256, "items": {
          "type": "object", "required": ["name", "shape", "datatype"], "properties": {
            "name": {"type": "string", "minLength": 1},
            "shape": {"type": "array", "maxItems": 16,
              "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
              "INT32", "INT64", "FP16", "BF16", "FP32", "FP64", "BYTES"]},
            "parameters": {"type": ["object", "null"], "properties": {
              "binary_data_size": {"type": ["integer", "null"], "minimum": 0,
                "maximum": 9223372036854775807}},
              "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
            "data": {"type": ["array", "null"], "description":
              "Row by row. Of images and recordings the bytes, or URLs where they are allowed."}},
          "anyOf": [
            {"required": ["data"]},
            {"required": ["parameters"], "properties": {"parameters": {
              "required": ["binary_data_size"]}}}]}},
        "outputs": {"type": ["array", "null"], "maxItems": 256, "items": {
          "type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 1},
            "parameters": {"type": ["object", "null"], "properties": {
              "binary_data": {"type": ["boolean", "null"]},
              "classification": {"type": ["integer", "null"], "minimum": 0,
                "maximum": 9223372036854775807}},
              "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}}}}}}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary",
      "description": "The same JSON and behind it the data of inputs, in their order."}}}},
  "responses": {
    "424": {"description": "What a URL names, in place of an image or a recording, did not come.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PlainError"}}}},
    "200": {"description": "The outputs that were asked for, or all.", "content": {
    "application/json": {"schema": {
      "type": "object", "required": ["model_name", "outputs"], "properties": {
        "id": {"type": "string"}, "model_name": {"type": "string"},
        "model_version": {"type": "string"}, "parameters": {"type": "object"},
        "outputs": {"type": "array", "items": {
          "type": "object", "required": ["name", "datatype", "shape"], "properties": {
            "name": {"type": "string"}, "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "parameters": {"type": "object"}, "data": {"type": "array"}}}}}}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary",
      "description": "The same JSON and behind it the data of outputs, in their order."}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_infer_endpoint(std::string_view path) {
  return {.method = "POST",
          .path = path,
          .errors = ErrorShape::kKserve,
          .summary = "Runs a model on tensors, or its task on items (KServe)",
          .operation = kserve::kInferOperation,
          .parse = kserve::parse_infer};
}

}  // namespace accel::server
