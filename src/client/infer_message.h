// Items of a task as a server reads them, and what it answers: the Open Inference Protocol over
// REST with all strings and numbers as binary data (src/server/kserve/infer.h says what is in
// them). Pure, and safe on hostile bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/embedding.h"
#include "accel/status.h"
#include "accel/task.h"
#include "accel/tensor.h"
#include "client/server_client.h"

namespace accel::client {

struct AskedItems {
  std::string model;
  std::string task;  // empty: what the model is for
  TaskOptions options;
  std::vector<std::string> outputs;  // empty: those that come by themselves
  std::vector<TaskInput> items;      // alike: of each part all have it or none; lists equally long
};

ServerCall infer_call(const AskedItems& asked);

struct InferOutput {
  std::string name;
  std::string datatype;  // "FP32"
  Shape shape;
  std::string_view bytes;  // of the reply's body
};

struct InferReply {
  std::shared_ptr<const std::string> body;
  std::vector<InferOutput> outputs;
  bool truncated = false;  // an item was too long for the model

  const InferOutput* find(std::string_view name) const;
  // A copy. UNAVAILABLE where there is none of that name, type and size.
  Result<Tensor> tensor(std::string_view name, DType dtype) const;
  Result<std::vector<std::string>> strings(std::string_view name) const;
};

// `header_length` is the answer's Inference-Header-Content-Length. UNAVAILABLE for what is no
// answer of this kind.
Result<InferReply> parse_infer_reply(std::string body, std::string_view header_length);

// What to ask for, that result_of() needs; empty: nothing beyond what comes by itself.
std::vector<std::string> outputs_for(std::string_view task);

// The answer to a single item of `task`, by the Hub's name.
Result<TaskResult> result_of(const InferReply& reply, std::string_view task);

// Outputs of sentence-embedding: to ask for, and what they become for `count` texts.
std::vector<std::string> embedding_outputs();
Result<EmbedResult> embeddings_of(const InferReply& reply, size_t count);

}  // namespace accel::client
