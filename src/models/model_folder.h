// ModelFolder: a local Hugging Face folder or a GGUF file, opened: its family, facts, tokenizer
// bytes, and the ov::Model built from its weights on demand. Needs no backend and no Python.
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
#include "models/gguf/gguf_model.h"
#include "models/sentence.h"

namespace accel::models {

// Which graph to build.
struct GraphRequest {
  // Inputs the graph shall have besides those it cannot do without; empty: the usual ones.
  std::vector<std::string> inputs;
  std::optional<Head> head;    // none: what config.json's "architectures" says, else the base
  bool hidden_states = false;  // also the states before and after each layer, "hidden_states.N"
  bool sentence = false;       // one output, an embedding, instead of the base's own
  // Only for `sentence`:
  std::optional<EmbeddingKind> embedding;  // none: the kind that the folder says
  bool normalize = true;
  // To be looked at, not run: the inputs and outputs are right, packed weights are not unpacked.
  bool outline = false;
};

struct BuiltGraph {
  std::shared_ptr<ov::Model> model;
  uint64_t parameters = 0;  // of the weights the graph holds
  // The mapped files its constants view; their pages can be released once an engine has packed
  // them.
  std::vector<std::shared_ptr<const MappedFile>> sources;
};

// Immutable; safe from any thread.
class ModelFolder {
 public:
  // Reads config.json, modules.json and the headers of the weights: no weight is touched. `path` is
  // a folder, a .gguf file, or a folder with one and without config.json and modules.json.
  // NOT_FOUND for a missing folder or weights, UNIMPLEMENTED for an unknown family,
  // INVALID_ARGUMENT or DATA_LOSS for broken files; the message names the file.
  static Result<std::shared_ptr<const ModelFolder>> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const Family& family() const { return *family_; }
  const Facts& facts() const { return facts_; }
  const std::string& architecture() const { return architecture_; }
  // What config.json's "architectures" asks for; the base when it says nothing. UNIMPLEMENTED lists
  // what is built.
  Result<Head> head() const;
  // What a graph for `head` can take.
  std::vector<InputSpec> inputs(Head head) const;
  // Whether embeddings can be made of it: of text.
  bool embeds_text() const;
  const SentenceModules& sentence() const { return sentence_; }
  // Whether it says so itself, by modules.json or in its GGUF file.
  bool is_for_embeddings() const { return !sentence_.pooling_assumed; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }

  // The longest input in tokens, special ones included.
  int64_t max_tokens() const;

  // The content of its tokenizer.json, or of one made from the older files that it has
  // (text/tokenizer_files.h). NOT_FOUND says which file is expected.
  Result<std::string> tokenizer_json() const;

  // Of a GGUF file: the formats that its tensors are stored in, and the template of its chats. Of a
  // folder: nothing.
  std::vector<gguf::StoredType> stored_types() const;
  std::optional<std::string> chat_template() const;

  // INVALID_ARGUMENT naming every weight that is missing, extra or of a wrong shape.
  Result<BuiltGraph> build(const GraphRequest& request) const;

 private:
  ModelFolder() = default;
  Status open_gguf(const std::filesystem::path& file);
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
};

}  // namespace accel::models
