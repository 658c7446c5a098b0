// The embedding task: a text to tokens, a batch of tokens through a session, a row to its
// embedding. Everything here is a function of its arguments; threads and queues are the caller's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"
#include "backend/backend.h"
#include "runtime/content_rules.h"
#include "runtime/row_batches.h"
#include "runtime/token_batches.h"
#include "text/tokenizer.h"

namespace accel::pipelines {

// What a model folder says about preparing texts.
struct EmbeddingModel {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  int64_t max_tokens = 0;  // special tokens included
  int64_t vocabulary = 0;  // ids at or past it are refused
  int64_t size = 0;        // of an embedding
  bool lower_case = false;
  bool normalized = false;  // the graph ends in unit length
  std::map<std::string, std::string> prompts;
  std::string default_prompt;
};

struct TokenizedText {
  std::vector<int32_t> ids;
  bool truncated = false;
  uint32_t replaced_utf8 = 0;
};

// The text that goes before every input: the named prompt, or the default one. NOT_FOUND lists the
// names there are.
Result<std::string> find_prompt(const EmbeddingModel& model, const std::string& name);

// INVALID_ARGUMENT for invalid UTF-8 under `strict` (with the byte's offset), OUT_OF_RANGE for a
// token id that the model has no row for.
Result<TokenizedText> prepare(const EmbeddingModel& model, std::string_view prompt,
                              std::string_view text, bool strict);

// How an embedding leaves the model's row.
struct RowFinish {
  int64_t dimensions = 0;  // keep the first N; 0: all
  bool normalize = true;   // bring a cut row back to unit length
  bool whole = false;      // and one that is not cut to it
};

// The text as a row for company that is found later.
runtime::Row row_of(const TokenizedText& text);

// What rules ask of that row, of `rows` texts that came together.
runtime::ContentFacts facts_of(const TokenizedText& text, int64_t rows);

// The texts of each route of `routes`, as their places among `texts`, which came in calls of
// `rows`.
std::vector<std::vector<uint32_t>> texts_by_route(const runtime::ContentRoutes& routes,
                                                  std::span<const TokenizedText> texts,
                                                  int64_t rows);

// The texts `places` of all, which have these lengths, cut into batches, whose items are places.
runtime::TokenBatches cut_texts(std::span<const uint32_t> places, std::span<const int32_t> lengths,
                                const runtime::BatchLimits& limits);

// The model's row as it leaves: finished into `out`.
void finish_row(std::span<const float> row, const RowFinish& finish, float* out);

// A batch: the i-th text's embedding goes to rows[i], of finished size. Pads to `length`.
struct EmbeddingBatch {
  std::span<const TokenizedText* const> texts;
  std::span<float* const> rows;
  int64_t length = 0;
};
Status run_embedding_batch(backend::Session& session, const EmbeddingBatch& batch,
                           const RowFinish& finish);

}  // namespace accel::pipelines
