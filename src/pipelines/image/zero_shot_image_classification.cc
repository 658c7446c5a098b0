// zero-shot-image-classification: which of the user's own labels fit an image, by the cosines of
// its embedding to theirs (CLIP, Radford et al., arXiv:2103.00020; SigLIP, Zhai et al.,
// arXiv:2303.15343).
#include <cmath>

#include "base/try.h"
#include "pipelines/image/image_rows.h"
#include "pipelines/image/image_tasks.h"
#include "pipelines/labels.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

double cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace

Result<Prepared> prepare_zero_shot_image_classification(const TaskModel& model,
                                                        const TaskInput& input,
                                                        const TaskOptions& options) {
  if (!model.tokenizer || !model.matching) {
    return failed_precondition(
        "zero-shot-image-classification: expected a model of texts and images with its tokenizer; "
        "this folder lacks one of them");
  }
  const std::string sentence = options.hypothesis.value_or("This is a photo of {}.");
  Prepared prepared;
  for (const std::string& label : input.choices) {
    ACCEL_ASSIGN(const std::string hypothesis, hypothesis_of(sentence, label));
    ACCEL_ASSIGN(TextRow text, text_row(model, hypothesis));
    prepared.rows.push_back(std::move(text.row));
  }
  prepared.recurring_rows = prepared.rows.size();
  ACCEL_ASSIGN(ImageRow image, image_row(model, input));
  prepared.rows.push_back(std::move(image.row));
  prepared.decode_seconds = image.decode_seconds;
  prepared.finish =
      [matching = *model.matching, top = options.top_k.value_or(0),
       labels = input.choices](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const Tensor* pixels = find(outputs.back(), "image_embeds");
    std::vector<float> logits;
    for (size_t i = 0; i < labels.size(); ++i) {
      const Tensor* words = find(outputs[i], "text_embeds");
      if (pixels == nullptr || words == nullptr || pixels->count() != words->count()) {
        return failed_precondition(
            "expected embeddings of texts and images of one size, to compare them; the model gives "
            "none");
      }
      logits.push_back(static_cast<float>(
          cosine(words->data<float>(), pixels->data<float>()) * matching.scale + matching.bias));
    }
    const auto scores =
        scores_of(logits, matching.independent ? ScoreFunction::kSigmoid : ScoreFunction::kSoftmax);
    ACCEL_ASSIGN(Labels named, name_best(scores, labels, top));
    return TaskResult{.answer = std::move(named)};
  };
  return prepared;
}

}  // namespace accel::pipelines
