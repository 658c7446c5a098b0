// ModelFolder: a local Hugging Face folder, a GGUF file or a graph of another framework, opened:
// its family, facts, tokenizer bytes, and the ov::Model built from its weights on demand. Needs no
// backend and no Python.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <openvino/core/model.hpp>
#include <optional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"
#include "base/json.h"
#include "models/checkpoint.h"
#include "models/family.h"
#include "models/foreign/adapt.h"
#include "models/foreign/foreign_model.h"
#include "models/gguf/gguf_model.h"
#include "models/graph_request.h"
#include "models/sentence.h"

namespace accel::models {

// Which of a folder's models is taken when it has a checkpoint and graphs exported from it.
enum class Exported {
  kAuto,   // a checkpoint of a family that is built here, else a graph
  kTake,   // a graph: OpenVINO's IR before ONNX
  kLeave,  // a checkpoint, else a graph that is no OpenVINO IR
};

// Immutable; safe from any thread.
class ModelFolder {
 public:
  // Reads config.json, modules.json and the headers of the weights: no weight is touched. `path` is
  // a folder, a .gguf file, or a folder with one and without config.json and modules.json; or a
  // graph (foreign/format.h) or a folder with one, which is converted. A graph beside a config.json
  // of a known family has that family's tasks; another one its own inputs and outputs.
  // NOT_FOUND for a missing folder or weights, UNIMPLEMENTED for an unknown family,
  // INVALID_ARGUMENT or DATA_LOSS for broken files; the message names the file.
  // `memory`: of graphs looked at before; null: none. Not kept.
  static Result<std::shared_ptr<const ModelFolder>> open(
      const std::filesystem::path& path, Exported exported = Exported::kAuto,
      const foreign::GraphMemory* memory = nullptr);

  const std::filesystem::path& path() const { return path_; }
  // What the graph is made of: "native" (a checkpoint, by the builder of its family), "gguf",
  // "onnx", "openvino-ir", "tensorflow", "tensorflow-lite", "paddle".
  std::string_view source() const;
  // Whether it has a family; else it is a graph with inputs and outputs of its own, and family()
  // has no name.
  bool has_family() const { return !family_->model_type.empty(); }
  const Family& family() const { return *family_; }
  const Facts& facts() const { return facts_; }
  const std::string& architecture() const { return architecture_; }
  // The content of config.json, or what a GGUF file says in its place; null: there is none.
  const Json& config() const { return config_; }
  // What config.json's "architectures" asks for; the base when it says nothing. UNIMPLEMENTED lists
  // what is built.
  Result<Head> head() const;
  // What a graph for `head` can take.
  std::vector<InputSpec> inputs(Head head) const;
  // Whether it takes texts, and whether embeddings can be made of it.
  bool takes_text() const;
  bool embeds_text() const;
  int64_t embedding_size() const;  // 0: none
  // Whether the sentence embedding is an output of a foreign graph itself.
  bool embeds_itself() const;
  const SentenceModules& sentence() const { return sentence_; }
  // Whether it says so itself, by modules.json or in its GGUF file.
  bool is_for_embeddings() const { return !sentence_.pooling_assumed; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }

  // The longest input in tokens, special ones included.
  int64_t max_tokens() const;

  // The content of its tokenizer.json, or of one made from the older files that it has
  // (text/tokenizer_files.h). NOT_FOUND says which file is expected.
  Result<std::string> tokenizer_json() const;

  // The files that build() reads: those of weights or a graph, and those that say what to make of
  // them.
  struct Files {
    std::vector<std::filesystem::path> weights;
    std::vector<std::filesystem::path> settings;
  };
  Result<Files> files() const;

  // Of a GGUF file: the formats that its tensors are stored in, and the template of its chats. Of a
  // folder: nothing.
  std::vector<gguf::StoredType> stored_types() const;
  std::optional<std::string> chat_template() const;

  // Of a graph of another framework; null: of a checkpoint.
  const foreign::ForeignModel* foreign() const { return foreign_.get(); }

  // Of a graph of another framework: the outputs that build() gives of it for `head`, without
  // building it. Errors as build()'s.
  Result<std::vector<foreign::GraphPort>> foreign_outputs(Head head) const;

  // INVALID_ARGUMENT naming every weight that is missing, extra or of a wrong shape.
  Result<BuiltGraph> build(const GraphRequest& request) const;

 private:
  ModelFolder() = default;
  Status open_gguf(const std::filesystem::path& file);
  Status open_folder(Exported exported, const foreign::GraphMemory* memory);
  Result<Head> config_head() const;  // of config.json's "architectures"
  Status open_foreign(const foreign::ForeignFile& file, const std::filesystem::path& settings,
                      const foreign::GraphMemory* memory);
  Status map_foreign();
  Result<BuiltGraph> build_foreign(const GraphRequest& request, const SentenceModules& modules,
                                   Head head) const;
  Result<std::vector<NamedOutput>> adapted_outputs(const GraphRequest& request,
                                                   const SentenceModules& modules, Head head,
                                                   const ov::Model& model,
                                                   const foreign::AdaptedInputs& inputs,
                                                   BuiltGraph& built) const;
  Result<std::vector<std::string>> foreign_names(Head head) const;
  std::vector<InputSpec> family_inputs(Head head) const;
  Status read_config(const std::filesystem::path& config_path);
  Status read_colbert();
  // The modules for `wanted`. FAILED_PRECONDITION where the folder's are for another kind.
  Result<SentenceModules> modules_for(std::optional<EmbeddingKind> wanted) const;

  std::filesystem::path path_;
  std::filesystem::path transformer_;  // where config.json lies: path_ or a module's folder
  Json config_;
  std::string architecture_;
  const Family* family_ = nullptr;
  Facts facts_;
  SentenceModules sentence_;
  std::optional<Checkpoint> checkpoint_;  // always set after open()
  std::optional<gguf::GgufModel> gguf_;   // none: a folder of the Hub's
  // Null but for graphs of another framework, and what of it is which of the family's.
  std::shared_ptr<const foreign::ForeignModel> foreign_;
  std::vector<foreign::MappedInput> mapped_;
  Head foreign_head_ = Head::kBase;
};

}  // namespace accel::models
