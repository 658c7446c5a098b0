// Late interaction: a vector per token (ColBERT, Khattab and Zaharia, arXiv:2004.12832). How a
// folder says it, as PyLate saves it beside sentence-transformers' modules or as ColBERT's own code
// does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::models {

// The class in config.json of checkpoints that ColBERT's own code saves.
inline constexpr std::string_view kColbertArchitecture = "HF_ColBERT";

// How queries and documents are read; the defaults are PyLate's.
struct LateInteractionRules {
  std::string query_prefix = "[Q] ";  // one token, behind the first; empty: none
  std::string document_prefix = "[D] ";
  int64_t query_length = 32;  // tokens, the prefix included
  int64_t document_length = 180;
  bool expand_queries = true;              // queries are filled up with mask tokens
  bool attend_to_expansion = false;        // which other tokens attend to
  std::vector<std::string> skipped_words;  // tokens of documents without a vector: punctuation
};

// Of config_sentence_transformers.json in `folder`, which may be missing.
Result<LateInteractionRules> read_late_interaction(const std::filesystem::path& folder);

// Of artifact.metadata in a folder of ColBERT's own code, which may be missing.
Result<LateInteractionRules> read_colbert_metadata(const std::filesystem::path& folder);

}  // namespace accel::models
