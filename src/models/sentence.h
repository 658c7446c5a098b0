// Sentence embeddings: what a sentence-transformers folder puts behind the encoder (pooling, dense,
// layer norm, normalise), read from modules.json and added to the graph. Also the embeddings that
// are no single dense vector: sparse ones and a vector per token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "base/files.h"
#include "models/blocks/pooling.h"
#include "models/family.h"
#include "models/late_interaction.h"

namespace accel::models {

struct DenseModule {
  std::filesystem::path folder;  // holds linear.weight [out, in]
  int64_t in = 0;
  int64_t out = 0;
  bool bias = true;
  std::string activation;  // a name that blocks' activation() knows
  // Of a checkpoint that has more than this layer: how the others' names begin.
  std::span<const std::string_view> beside = {};
  bool residual = false;  // adds its input, through residual.weight [out, in] where in is not out
};

struct LayerNormModule {
  std::filesystem::path folder;  // norm.weight, norm.bias [size]
  int64_t size = 0;
};

using SentenceModule = std::variant<DenseModule, LayerNormModule>;

enum class EmbeddingKind : uint8_t {
  kDense,   // "sentence_embedding" [B, size]
  kSparse,  // "sparse_embedding" [B, vocabulary], of a masked language model's logits
  kTokens,  // "token_embeddings" [B, L, size] of unit length
};
std::string_view to_string(EmbeddingKind kind);  // the task that gives it: "sparse-embedding"

struct SentenceModules {
  std::filesystem::path transformer;  // folder of config.json and weights
  EmbeddingKind kind = EmbeddingKind::kDense;
  std::vector<Pooling> pooling;       // of kDense at least one
  bool pooling_assumed = false;       // no modules.json: mean, as sentence-transformers assumes
  std::vector<SentenceModule> chain;  // applied in order after pooling, of kTokens to each token
  SparsePooling sparse = {};          // of kSparse
  LateInteractionRules late = {};     // of kTokens
  bool normalize = false;
  int64_t max_tokens = 0;  // of the folder or its tokenizer; 0: the encoder's own
  bool lower_case = false;
  std::map<std::string, std::string> prompts;
  std::string default_prompt;  // a key of prompts, or empty
  // That say which modules there are and of what kind; not their weights.
  std::vector<std::filesystem::path> files = {};
  int64_t embedding_size(int64_t hidden) const;
};

// Reads modules.json and what it names below `folder`. A folder without modules.json gets mean
// pooling. INVALID_ARGUMENT or UNIMPLEMENTED names the file and the module at fault.
Result<SentenceModules> read_sentence_modules(const std::filesystem::path& folder);

// What an embedding is made of: [B, L, H] (of kSparse logits) and attention_mask [B, L].
struct EncodedTokens {
  Output states;
  Output attention_mask;
};

// The embedding of modules.kind, under its name. Without `normalize` the final normalisation is
// left out. Weights of dense modules stay mapped; their files are appended to `sources`.
Result<NamedOutput> build_embedding(const SentenceModules& modules, const EncodedTokens& tokens,
                                    bool normalize,
                                    std::vector<std::shared_ptr<const MappedFile>>& sources);

}  // namespace accel::models
