// All texts of one call to embeddings, on as many sessions as the pool has.
#pragma once

#include <string>
#include <vector>

#include "accel/engine.h"
#include "pipelines/text/embedding.h"
#include "runtime/session_pool.h"

namespace accel::engine {

struct EmbedAllOptions {
  EmbedOptions embed;
  int64_t batch_tokens = 0;  // when embed.batch_tokens is 0
  RunReport report = {};     // of a run without a fallback
};

// How rows leave the model under `options`. INVALID_ARGUMENT for dimensions past the model's size.
Result<pipelines::RowFinish> row_finish(const pipelines::EmbeddingModel& model,
                                        const EmbedOptions& options);

// Tokenises, cuts and runs. A single batch runs on the caller's thread.
Result<EmbedResult> embed_all(const pipelines::EmbeddingModel& model, runtime::SessionPool& pool,
                              const std::vector<std::string>& texts,
                              const EmbedAllOptions& options);

}  // namespace accel::engine
