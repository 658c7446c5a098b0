// fill-mask: the words that fit in the place of the mask token.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "pipelines/scores.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

// The first token of each target; a target that is no token of its own is cut like any text.
Result<std::vector<int32_t>> target_ids(const TaskModel& model,
                                        const std::vector<std::string>& targets) {
  std::vector<int32_t> ids;
  for (const std::string& target : targets) {
    std::optional<int32_t> id = model.tokenizer->token_to_id(target);
    if (!id) {
      ACCEL_ASSIGN(const text::Encoding encoding,
                   model.tokenizer->encode(target, {.add_special_tokens = false}));
      if (!encoding.ids.empty()) id = encoding.ids.front();
    }
    if (!id || *id >= model.vocabulary) {
      return invalid_argument(
          fmt::format("targets: expected words that the model has tokens for, found '{}'", target));
    }
    if (std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  }
  return ids;
}

class MaskFiller {
 public:
  MaskFiller(const TaskModel& model, std::vector<int32_t> ids)
      : model_(model), ids_(std::move(ids)) {
    for (size_t i = 0; i < ids_.size(); ++i) {
      if (ids_[i] == model.mask_id) masks_.push_back(i);
    }
  }

  const std::vector<size_t>& masks() const { return masks_; }

  // logits [tokens, vocabulary].
  Result<MaskFills> fill(const Tensor& logits, int64_t top,
                         const std::vector<int32_t>& targets) const {
    const auto vocabulary = static_cast<size_t>(logits.shape().back());
    MaskFills fills;
    for (const size_t mask : masks_) {
      const std::vector<double> all =
          softmax(logits.data<float>().subspan(mask * vocabulary, vocabulary));
      std::vector<double> scores;
      for (const int32_t target : targets) scores.push_back(all[static_cast<size_t>(target)]);
      if (targets.empty()) scores = all;
      std::vector<MaskFill>& row = fills.emplace_back();
      for (const size_t i : best(scores, top)) {
        const auto token = targets.empty() ? static_cast<int32_t>(i) : targets[i];
        ACCEL_ASSIGN(row.emplace_back(), fill_one(mask, token, scores[i]));
      }
    }
    return fills;
  }

 private:
  Result<MaskFill> fill_one(size_t mask, int32_t token, double score) const {
    std::vector<int32_t> ids = ids_;
    ids[mask] = token;
    std::erase(ids, model_.pad_id);
    MaskFill fill{.score = score, .token = token};
    ACCEL_ASSIGN(fill.token_str, decode({&token, 1}, /*skip_special=*/false));
    // Of several masks the others would disappear.
    ACCEL_ASSIGN(fill.sequence, decode(ids, /*skip_special=*/masks_.size() == 1));
    return fill;
  }

  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special) const {
    ACCEL_ASSIGN(std::string text, model_.tokenizer->decode(ids, skip_special));
    return model_.clean_up_spaces ? without_spaces_before_marks(std::move(text)) : text;
  }

  const TaskModel& model_;
  std::vector<int32_t> ids_;
  std::vector<size_t> masks_;
};

}  // namespace

Result<Prepared> prepare_fill_mask(const TaskModel& model, const TaskInput& input,
                                   const TaskOptions& options) {
  if (!model.mask_id) {
    return failed_precondition(
        "fill-mask: expected a tokenizer with a mask token (tokenizer_config.json's mask_token), "
        "found none");
  }
  ACCEL_ASSIGN(std::vector<int32_t> targets,
               target_ids(model, options.targets.value_or(std::vector<std::string>())));
  ACCEL_ASSIGN(const text::Encoding encoding, encode(model, input.text));
  MaskFiller filler(model, encoding.ids);
  if (filler.masks().empty()) {
    return invalid_argument(
        fmt::format("fill-mask: expected a text with {} within its first {} tokens, found none",
                    model.tokenizer->id_to_token(*model.mask_id).value_or("the mask token"),
                    encoding.ids.size()));
  }
  Prepared prepared;
  prepared.rows.push_back(token_row(model, encoding));
  prepared.finish = [filler = std::move(filler), targets = std::move(targets),
                     top = options.top_k.value_or(5), truncated = encoding.truncated](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    ACCEL_ASSIGN(MaskFills fills, filler.fill(*find(outputs[0], "logits"), top, targets));
    return TaskResult{.answer = std::move(fills), .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
