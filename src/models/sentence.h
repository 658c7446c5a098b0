// Sentence embeddings: what a sentence-transformers folder puts behind the encoder (pooling, dense,
// layer norm, normalise), read from modules.json and added to the graph.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "base/files.h"
#include "models/blocks/pooling.h"
#include "models/family.h"

namespace accel::models {

struct DenseModule {
  std::filesystem::path folder;  // holds linear.weight [out, in]
  int64_t in = 0;
  int64_t out = 0;
  bool bias = true;
  std::string activation;  // a name that blocks' activation() knows
};

struct LayerNormModule {
  std::filesystem::path folder;  // norm.weight, norm.bias [size]
  int64_t size = 0;
};

using SentenceModule = std::variant<DenseModule, LayerNormModule>;

struct SentenceModules {
  std::filesystem::path transformer;  // folder of config.json and weights
  std::vector<Pooling> pooling;       // at least one
  bool pooling_assumed = false;       // no modules.json: mean, as sentence-transformers assumes
  std::vector<SentenceModule> chain;  // applied in order after pooling
  bool normalize = false;
  int64_t max_tokens = 0;  // of the folder or its tokenizer; 0: the encoder's own
  bool lower_case = false;
  std::map<std::string, std::string> prompts;
  std::string default_prompt;  // a key of prompts, or empty
  int64_t embedding_size(int64_t hidden) const;
};

// Reads modules.json and what it names below `folder`. A folder without modules.json gets mean
// pooling. INVALID_ARGUMENT or UNIMPLEMENTED names the file and the module at fault.
Result<SentenceModules> read_sentence_modules(const std::filesystem::path& folder);

// [B, L, H] and attention_mask [B, L] to the sentence embedding [B, size]. Without `normalize` the
// final normalisation is left out. Weights of dense modules stay mapped; their files are appended
// to `sources`.
Result<Output> build_sentence(const SentenceModules& modules, const Output& hidden,
                              const Output& attention_mask, bool normalize,
                              std::vector<std::shared_ptr<const MappedFile>>& sources);

}  // namespace accel::models
