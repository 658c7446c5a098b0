// An inference of the Open Inference Protocol, as REST and gRPC have it in common: what it asks of
// the service, and what of the service's events becomes its answer. Pure.
//
//   ACCEL_ASSIGN(InferCall call, call_of(std::move(request), limits));
//   auto stream = service.submit(std::move(call.request));
//   ... ACCEL_TRY(call.answer.take(event)) of each ...
//   ACCEL_ASSIGN(const InferAnswer answer, call.answer.finish());
//
// Numbers are tensors for the model's own graph. BYTES are items of its task: each input is a part
// of them, by the Hub's name ("text", "question" and "context", "query" and "documents", "image",
// "audio" ...) or that of TaskInput's member, with one string per item in the shape [n] or [n, 1];
// a list of strings (labels, documents, choices) is [n, k], or [k] for all items alike. An image or
// a sound may be a URL (inputs/input_resolver.h).
//
// Parameters of a request:
// * "task": the Hub's name; without it what the model is for; and the members of TaskOptions
//   ("top_k": 3). Both of items only.
// * "timeout": microseconds; 0: the server's.
// * "priority": 1 goes first, 2 after it ...; 0: as 1. Of items; tensors have no queue of their
//   own.
// Sequences ("sequence_id" ...) and shared memory are refused.
//
// Outputs: of tensors those of the graph. Of items "sentence_embedding", FP32 [n, size]; of
// features that are shaped alike "last_hidden_state", FP32 [n, tokens, size], or "pooler_output",
// FP32 [n, size], where the model gives one vector for each; of everything else "answer", BYTES
// [n], each the JSON of accel::to_json(). Further ones of items come only when asked for: "tokens",
// INT64 [n], of each item's texts; "truncated", BOOL [n]; "class_map", UINT16 [n, height, width],
// the class of each pixel of images of one size that were segmented; "class_ids", INT64 [k], of all
// detected objects of all items in their order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "server/collected_items.h"
#include "server/endpoint.h"
#include "server/kserve/parameters.h"
#include "server/kserve/tensor_data.h"
#include "service/inference_service.h"

namespace accel::server::kserve {

struct InferInput {
  std::string name;
  TensorData data;
};

struct WantedOutput {
  std::string name;
  // Of numbers with a fraction: instead of them the best classes of each row, so many at most, as
  // BYTES "VALUE:INDEX"; 0: the numbers.
  int64_t classes = 0;
};

struct InferRequest {
  std::string model;
  std::string version;  // a number; empty: the newest
  std::string id;       // comes back
  Parameters parameters;
  std::vector<InferInput> inputs;
  std::vector<WantedOutput> outputs;  // in the order in which they are to come; empty: all
};

struct InferOutput {
  std::string name;
  TensorData data;
};

struct InferAnswer {
  std::string model;    // as asked for
  std::string version;  // likewise
  std::string id;
  Parameters parameters;             // "truncated": true where an item was too long for the model
  std::vector<InferOutput> outputs;  // the wanted ones in their order, or all
};

// Makes the answer to one request of its events, in any order.
class InferCollector {
 public:
  // `items`: how many the service was given; 0: tensors.
  InferCollector(InferAnswer head, std::vector<WantedOutput> wanted, size_t items)
      : answer_(std::move(head)), wanted_(std::move(wanted)), items_(items), count_(items) {}

  Status take(service::Event event);
  // After the last event. INVALID_ARGUMENT for outputs that the model does not have, naming those
  // that it has.
  Result<InferAnswer> finish();

 private:
  Status add_item_outputs();

  InferAnswer answer_;
  std::vector<WantedOutput> wanted_;
  CollectedItems items_;
  size_t count_;
};

struct InferCall {
  service::Request request;
  InferCollector answer;
};

// INVALID_ARGUMENT for what is wrong with the request.
Result<InferCall> call_of(InferRequest request, const RequestLimits& limits);

// What the service calls a model: "name", or "name:2". `version` as InferRequest has it.
Result<std::string> service_name(const std::string& model, const std::string& version);

}  // namespace accel::server::kserve
