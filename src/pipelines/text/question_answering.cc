// question-answering: the span of a context that answers a question. Long contexts are read in
// overlapping windows; the best spans of all compete. Scores are products of two probabilities of
// one window, as in DrQA (Chen et al. 2017, arXiv:1704.00051) and the reference library.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "base/try.h"
#include "pipelines/scores.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

// The reference library's.
constexpr int64_t kWindowTokens = 384;
constexpr int64_t kStrideTokens = 128;
constexpr int64_t kAnswerTokens = 15;

struct Span {
  size_t start = 0;  // tokens, both inside
  size_t end = 0;
  double score = 0;
};

class AnswerFinder {
 public:
  AnswerFinder(const TaskModel& model, const TaskInput& input, const TaskOptions& options)
      : model_(model),
        context_(*input.second_text),
        top_(options.top_k.value_or(1)),
        longest_(options.max_answer_tokens.value_or(kAnswerTokens)),
        no_answer_(options.no_answer.value_or(false)) {}

  // Of one window: start_logits and end_logits [at least its tokens].
  void look(const text::Encoding& window, const NamedTensors& outputs) {
    const auto size = window.ids.size();
    const std::vector<double> starts = probabilities(window, *find(outputs, "start_logits"));
    const std::vector<double> ends = probabilities(window, *find(outputs, "end_logits"));
    if (size > 0) null_score_ = std::min(null_score_, starts[0] * ends[0]);
    std::vector<Span> spans;
    for (size_t i = 1; i < size; ++i) {
      if (!in_context(window, i)) continue;
      for (size_t j = i; j < size && std::cmp_less(j - i, longest_); ++j) {
        if (in_context(window, j)) spans.push_back({i, j, starts[i] * ends[j]});
      }
    }
    // Some fall together when they are widened to words.
    const auto kept =
        top_ > 0 ? std::min(spans.size(), static_cast<size_t>(top_ * 2 + 10)) : spans.size();
    std::ranges::partial_sort(spans, spans.begin() + static_cast<std::ptrdiff_t>(kept),
                              std::ranges::greater(), &Span::score);
    spans.resize(kept);
    for (const Span& span : spans) add(window, span);
  }

  Answers best_answers() {
    if (no_answer_) answers_.push_back({.score = null_score_});
    std::ranges::stable_sort(answers_, std::ranges::greater(), &Answer::score);
    if (top_ > 0 && std::cmp_greater(answers_.size(), top_)) {
      answers_.resize(static_cast<size_t>(top_));
    }
    return std::move(answers_);
  }

 private:
  bool in_context(const text::Encoding& window, size_t token) const {
    return window.sequences[token] == context_number();
  }
  int context_number() const { return model_.second_text_first ? 0 : 1; }

  // Among the tokens of the context and the one that stands for "no answer".
  std::vector<double> probabilities(const text::Encoding& window, const Tensor& logits) const {
    const auto values = logits.data<float>();
    std::vector<float> kept(window.ids.size(), -std::numeric_limits<float>::infinity());
    for (size_t i = 0; i < kept.size(); ++i) {
      if (in_context(window, i) || window.ids[i] == model_.cls_id) kept[i] = values[i];
    }
    return softmax(kept);
  }

  // A span reaches from the begin of the word it starts in to the end of the one it ends in.
  void add(const text::Encoding& window, const Span& span) {
    Answer answer{.score = span.score,
                  .start = window.offsets[span.start].begin,
                  .end = window.offsets[span.end].end};
    const int32_t first = window.words[span.start];
    const int32_t last = window.words[span.end];
    for (size_t i = 0; first >= 0 && last >= 0 && i < window.words.size(); ++i) {
      if (!in_context(window, i)) continue;
      if (window.words[i] == first) {
        answer.start = std::min<int64_t>(answer.start, window.offsets[i].begin);
      }
      if (window.words[i] == last) {
        answer.end = std::max<int64_t>(answer.end, window.offsets[i].end);
      }
    }
    answer.answer = code_points(context_, answer.start, answer.end);
    const auto same = [&](const Answer& other) { return equal_but_for_case(other, answer); };
    if (const auto it = std::ranges::find_if(answers_, same); it != answers_.end()) {
      it->score += answer.score;
    } else {
      answers_.push_back(std::move(answer));
    }
  }

  static bool equal_but_for_case(const Answer& a, const Answer& b) {
    return std::ranges::equal(a.answer, b.answer, [](unsigned char x, unsigned char y) {
      return std::tolower(x) == std::tolower(y);
    });
  }

  const TaskModel& model_;
  const std::string context_;
  const int64_t top_;
  const int64_t longest_;
  const bool no_answer_;
  double null_score_ = std::numeric_limits<double>::max();
  Answers answers_;
};

Result<std::vector<text::Encoding>> windows_of(const TaskModel& model, const TaskInput& input,
                                               const TaskOptions& options) {
  const bool context_first = model.second_text_first;
  const text::TextPair pair = context_first ? text::TextPair{*input.second_text, input.text}
                                            : text::TextPair{input.text, *input.second_text};
  ACCEL_ASSIGN(const text::Encoding encoding,
               model.tokenizer->encode_pair(pair, {.offsets = true}));
  ACCEL_TRY(check_ids(*model.tokenizer, model.vocabulary, encoding.ids));
  int64_t tokens = options.window_tokens.value_or(kWindowTokens);
  if (model.max_tokens > 0) tokens = std::min(tokens, model.max_tokens);
  const int64_t stride = options.stride_tokens.value_or(std::min(tokens / 2, kStrideTokens));
  return cut_windows(encoding, context_first ? 0 : 1, {.tokens = tokens, .stride = stride});
}

}  // namespace

Result<Prepared> prepare_question_answering(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options) {
  if (input.text.empty() || input.second_text->empty()) {
    return invalid_argument(fmt::format("question-answering: expected a question and a context, "
                                        "found an empty {}",
                                        input.text.empty() ? "question" : "context"));
  }
  ACCEL_ASSIGN(std::vector<text::Encoding> windows, windows_of(model, input, options));
  Prepared prepared;
  for (const text::Encoding& window : windows) {
    prepared.rows.push_back(token_row(model, window));
  }
  prepared.finish = [finder = AnswerFinder(model, input, options), windows = std::move(windows)](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    AnswerFinder found = finder;
    for (size_t i = 0; i < windows.size(); ++i) found.look(windows[i], outputs[i]);
    return TaskResult{.answer = found.best_answers()};
  };
  return prepared;
}

}  // namespace accel::pipelines
