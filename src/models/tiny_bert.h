// For tests: folders to write into, and a BERT of a few hundred weights.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "accel/tensor.h"
#include "base/json.h"
#include "tensors/safetensors.h"

namespace accel::models {

// A folder of its own, removed with its content at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "accel-models-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // `file` is relative, "1_Pooling/config.json"; folders on the way are made.
  void write(const std::filesystem::path& file, std::string_view text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary) << text;
  }
  void write(const std::filesystem::path& file, const Json& json) const {
    write(file, std::string_view(json.dump()));
  }
  void write_weights(const std::filesystem::path& file, const NamedTensors& tensors) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    if (!tensors::write_safetensors(path_ / file, tensors).ok()) std::abort();
  }

 private:
  std::filesystem::path path_;
};

inline Json tiny_bert_config() {
  return {{"architectures", {"BertModel"}},
          {"model_type", "bert"},
          {"vocab_size", 20},
          {"hidden_size", 8},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 2},
          {"intermediate_size", 12},
          {"max_position_embeddings", 16},
          {"type_vocab_size", 2}};
}

// Small numbers that differ between tensors and elements.
inline Tensor tiny_tensor(const Shape& shape, std::string_view name) {
  std::vector<float> values(*element_count(shape));
  const size_t seed = std::hash<std::string_view>()(name) % 97;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((i * 37 + seed) % 101) / 101.0F - 0.5F;
  }
  return Tensor::from<float>(shape, values);
}

// All weights that `config` asks for, with `prefix` before their names.
inline NamedTensors tiny_bert_weights(const Json& config, const std::string& prefix = "") {
  const int64_t hidden = config["hidden_size"];
  const int64_t wide = config["intermediate_size"];
  const int64_t positions = config["max_position_embeddings"];
  const int64_t vocabulary = config["vocab_size"];
  const int64_t types = config["type_vocab_size"];
  NamedTensors all;
  const auto put = [&](const std::string& name, const Shape& shape) {
    all.push_back({prefix + name, tiny_tensor(shape, name)});
  };
  const auto put_linear = [&](const std::string& name, int64_t in, int64_t out) {
    put(name + ".weight", {out, in});
    put(name + ".bias", {out});
  };
  const auto put_norm = [&](const std::string& name) {
    put(name + ".weight", {hidden});
    put(name + ".bias", {hidden});
  };
  put("embeddings.word_embeddings.weight", {vocabulary, hidden});
  put("embeddings.position_embeddings.weight", {positions, hidden});
  put("embeddings.token_type_embeddings.weight", {types, hidden});
  put_norm("embeddings.LayerNorm");
  for (int64_t i = 0; i < config["num_hidden_layers"]; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* name : {"query", "key", "value"}) {
      put_linear(layer + "attention.self." + name, hidden, hidden);
    }
    put_linear(layer + "attention.output.dense", hidden, hidden);
    put_norm(layer + "attention.output.LayerNorm");
    put_linear(layer + "intermediate.dense", hidden, wide);
    put_linear(layer + "output.dense", wide, hidden);
    put_norm(layer + "output.LayerNorm");
  }
  put_linear("pooler.dense", hidden, hidden);
  return all;
}

inline NamedTensors without(NamedTensors tensors, std::string_view name) {
  std::erase_if(tensors, [&](const NamedTensor& tensor) { return tensor.name == name; });
  return tensors;
}

}  // namespace accel::models
