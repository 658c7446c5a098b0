// sentence-embedding: one vector for a text, made as the folder's modules say
// (Reimers and Gurevych, arXiv:1908.10084).
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "pipelines/text/embedding.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

// The tokens that were given, as far as the model reads.
Result<TextRow> given_row(const TaskModel& model, std::vector<int32_t> tokens) {
  if (tokens.empty()) return invalid_argument("tokens: expected at least one, found none");
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < model.vocabulary) continue;
    return out_of_range(fmt::format("tokens[{}]: expected an id from 0 to {}, found {}", i,
                                    model.vocabulary - 1, tokens[i]));
  }
  const size_t most = model.max_tokens > 0 ? static_cast<size_t>(model.max_tokens) : tokens.size();
  const bool truncated = tokens.size() > most;
  if (truncated) tokens.resize(most);
  const std::vector<uint8_t> mask(tokens.size(), 1);
  return TextRow{.row = id_row(tokens, mask), .truncated = truncated};
}

Result<TaskResult> finish_sentence(const Tensor& row, const RowFinish& finish, bool truncated) {
  const auto size = static_cast<int64_t>(row.count());
  if (finish.dimensions > size) {
    return invalid_argument(
        fmt::format("dimensions: expected at most {}, found {}", size, finish.dimensions));
  }
  TaskResult result{.answer = Features{row}, .truncated = truncated};
  const int64_t kept = finish.dimensions == 0 ? size : finish.dimensions;
  if (kept == size && !finish.whole) return result;
  Tensor cut = Tensor::allocate(DType::kF32, {kept});
  finish_row(row.data<float>(), finish, reinterpret_cast<float*>(cut.mutable_data()));
  result.answer = Features{std::move(cut)};
  return result;
}

}  // namespace

Result<Prepared> prepare_sentence_embedding(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options) {
  ACCEL_ASSIGN(TextRow text, input.tokens ? given_row(model, *input.tokens)
                                          : prompted_row(model, input, options));
  const bool by_graph = model.sentences && model.sentences->normalized;
  const bool unit = options.normalize.value_or(by_graph);
  const RowFinish finish{
      .dimensions = options.dimensions.value_or(0), .normalize = unit, .whole = unit && !by_graph};
  Prepared prepared;
  prepared.rows.push_back(std::move(text.row));
  prepared.finish = [truncated = text.truncated, finish](std::span<const NamedTensors> outputs) {
    return finish_sentence(outputs[0].front().tensor, finish, truncated);
  };
  return prepared;
}

}  // namespace accel::pipelines
