// token-classification: labels of tokens, or of what neighbouring ones name together.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "base/utf8.h"
#include "pipelines/scores.h"
#include "pipelines/text/entities.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

bool goes_on_with_word(const TaskModel& model, std::string_view text, const LabelledToken& token) {
  const std::string_view own = code_points(text, token.start, token.end);
  if (model.subword_prefix) return count_code_points(token.token) != count_code_points(own);
  // A guess, and the best there is for tokens that say nothing of words.
  if (token.start == 0) return false;
  return code_points(text, token.start - 1, token.start + 1).find(' ') == std::string_view::npos;
}

// logits [at least the window's tokens, labels].
Result<std::vector<LabelledToken>> label_tokens(const TaskModel& model, std::string_view text,
                                                const text::Encoding& window,
                                                const Tensor& logits) {
  const auto labels = static_cast<size_t>(logits.shape().back());
  if (labels > model.labels.size()) {
    return invalid_argument(fmt::format(
        "the model gives {} scores and config.json's id2label has {} names; give every label a "
        "name there",
        labels, model.labels.size()));
  }
  std::vector<LabelledToken> tokens;
  for (size_t i = 0; i < window.ids.size(); ++i) {
    if (window.special_tokens_mask[i] == 1) continue;
    LabelledToken token{.token = window.tokens[i],
                        .scores = softmax(logits.data<float>().subspan(i * labels, labels)),
                        .start = window.offsets[i].begin,
                        .end = window.offsets[i].end,
                        .index = static_cast<int64_t>(i)};
    if (window.ids[i] == model.unknown_id) {
      token.token = code_points(text, token.start, token.end);
    } else {
      token.inside_word = goes_on_with_word(model, text, token);
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

Result<Prepared> prepare_token_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options) {
  ACCEL_ASSIGN(const Aggregation aggregation, parse_aggregation(options.aggregation));
  if (options.stride_tokens && aggregation == Aggregation::kNone) {
    return invalid_argument(
        "stride: expected an aggregation other than none, which has no entities to tell apart "
        "where windows overlap");
  }
  ACCEL_ASSIGN(const text::Encoding encoding,
               model.tokenizer->encode(input.text, {.offsets = true, .tokens = true}));
  ACCEL_TRY(check_ids(*model.tokenizer, model.vocabulary, encoding.ids));
  int64_t limit = options.window_tokens.value_or(model.max_tokens);
  if (model.max_tokens > 0) limit = std::min(limit, model.max_tokens);
  ACCEL_ASSIGN(std::vector<text::Encoding> windows,
               cut_windows(encoding, 0, {limit, options.stride_tokens.value_or(0)}));
  Prepared prepared;
  for (const text::Encoding& window : windows) {
    prepared.rows.push_back(token_row(model, window));
  }
  prepared.finish = [&model, aggregation, text = input.text, windows = std::move(windows)](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    Entities all;
    for (size_t i = 0; i < windows.size(); ++i) {
      ACCEL_ASSIGN(const std::vector<LabelledToken> tokens,
                   label_tokens(model, text, windows[i], *find(outputs[i], "logits")));
      ACCEL_ASSIGN(Entities entities,
                   find_entities(tokens, model.labels, aggregation, *model.tokenizer));
      std::ranges::move(entities, std::back_inserter(all));
    }
    if (windows.size() > 1) all = without_overlaps(std::move(all));
    return TaskResult{.answer = std::move(all)};
  };
  return prepared;
}

}  // namespace accel::pipelines
