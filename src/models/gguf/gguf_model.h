// GgufModel: a model in a GGUF file, read as a folder of the Hub is: config.json, checkpoint,
// tokenizer.json and what sentence-transformers adds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "base/json.h"
#include "models/blocks/pooling.h"
#include "models/gguf/gguf_weights.h"
#include "models/gguf/source.h"

namespace accel::models::gguf {

// How much of a model is stored in one format, and what becomes of it.
struct StoredType {
  std::string name;  // "Q4_K"
  uint64_t tensors = 0;
  uint64_t bytes = 0;     // in the file
  uint64_t unpacked = 0;  // tensors that become f32 numbers in the graph
};

// The GGUF model of a folder: its only .gguf file, or the first part of its only one in parts. None
// when there is no such file; INVALID_ARGUMENT lists the files when there are several.
Result<std::optional<std::filesystem::path>> find_gguf(const std::filesystem::path& folder);

// Immutable; safe from any thread.
class GgufModel {
 public:
  // Maps the file, of a model in parts ("NAME-00001-of-00003.gguf") all of them, whichever is
  // named. No page of a tensor is touched. NOT_FOUND for a missing part, UNIMPLEMENTED for an
  // architecture or a type that is not read, INVALID_ARGUMENT and DATA_LOSS for broken files.
  static Result<GgufModel> open(const std::filesystem::path& path);

  const Json& config() const { return config_; }  // of a config.json
  const std::vector<GgufWeights>& weights() const { return weights_; }
  const std::vector<StoredType>& stored_types() const { return stored_types_; }  // by name

  // How states become a sentence's; none: the file does not say.
  std::optional<Pooling> pooling() const { return pooling_; }

  // Of a tokenizer.json: the file's own, else made of its vocabulary (text/ggml_vocabulary.h).
  Result<std::string> tokenizer_json() const;
  std::optional<std::string> chat_template() const;  // in Jinja

 private:
  explicit GgufModel(GgufSource source) : source_(std::move(source)) {}
  Status read_weights(const Dialect& dialect);
  void count_types();

  GgufSource source_;
  Json config_;
  std::vector<GgufWeights> weights_;
  std::vector<StoredType> stored_types_;
  std::optional<Pooling> pooling_;
};

}  // namespace accel::models::gguf
