#include "models/blocks/heads.h"

#include <fmt/format.h>

#include <openvino/op/constant.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/squeeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/config_reader.h"

namespace accel::models {

Result<int64_t> label_count(const Json& config, int64_t otherwise) {
  ConfigReader in(config);
  const int64_t counted = in.size_or("num_labels", 0);
  ACCEL_TRY(in.status());
  const auto names = config.find("id2label");
  if (names == config.end() || !names->is_object()) return counted > 0 ? counted : otherwise;
  const auto named = static_cast<int64_t>(names->size());
  if (named == 0 || (counted > 0 && counted != named)) {
    return invalid_argument(fmt::format(
        "id2label: expected as many labels as num_labels says ({}), found {}", counted, named));
  }
  return named;
}

Result<int64_t> label_count(const BuildContext& context) {
  if (context.head == Head::kMultipleChoice) return 1;
  return label_count(context.config);
}

Result<Output> masked_lm_logits(Weights& weights, const MaskedLmNames& names,
                                const MaskedLmSizes& sizes, std::string_view name,
                                const Output& x) {
  const Output dense = linear(weights, names.dense, x, sizes.hidden, sizes.embedding, sizes.bias);
  ACCEL_ASSIGN(const Output active, activation(name, dense));
  const auto norm = [&](const Output& y) {
    return sizes.rms ? rms_norm(weights, names.norm, y, sizes.embedding, sizes.epsilon)
                     : layer_norm(weights, names.norm, y, sizes.embedding, sizes.epsilon);
  };
  const Output normal = norm(active);
  const bool own = names.tied.empty() || weights.has(names.decoder + ".weight");
  const Output table = weights.get(own ? names.decoder + ".weight" : names.tied,
                                   {sizes.vocabulary, sizes.embedding});
  const Output product = std::make_shared<ov::op::v0::MatMul>(normal, table, false, true);
  if (!sizes.bias) return product;
  const bool within = !weights.has(names.bias) && weights.has(names.decoder + ".bias");
  return add(product,
             weights.get(within ? names.decoder + ".bias" : names.bias, {sizes.vocabulary}));
}

Result<std::vector<NamedOutput>> masked_lm(BuildContext& context, MaskedLmNames names,
                                           const MaskedLmSizes& sizes, std::string_view activation,
                                           const Output& x) {
  ConfigReader in(context.config);
  if (!in.flag_or("tie_word_embeddings", true)) names.tied.clear();
  ACCEL_TRY(in.status());
  ACCEL_ASSIGN(const Output logits, masked_lm_logits(context.weights, names, sizes, activation, x));
  return std::vector<NamedOutput>{{"logits", logits}};
}

Result<std::vector<NamedOutput>> classify(BuildContext& context, const std::string& name,
                                          const Output& x, int64_t hidden) {
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  return std::vector<NamedOutput>{{"logits", linear(context.weights, name, x, hidden, labels)}};
}

std::vector<NamedOutput> span_logits(Weights& weights, const std::string& name, const Output& x,
                                     int64_t hidden) {
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto both =
      std::make_shared<ov::op::v1::Split>(linear(weights, name, x, hidden, 2), last, 2);
  const auto column = [&](size_t i) -> Output {
    return std::make_shared<ov::op::v0::Squeeze>(both->output(i), last);
  };
  return {{"start_logits", column(0)}, {"end_logits", column(1)}};
}

Output weighted_states(Weights& weights, const std::string& name,
                       std::span<const NamedOutput> states) {
  const Output stored = weights.get(name, {static_cast<int64_t>(states.size())});
  const auto first = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto shares = std::make_shared<ov::op::v1::Split>(
      std::make_shared<ov::op::v8::Softmax>(stored, 0), first, states.size());
  Output sum = multiply(states[0].value, shares->output(0));
  for (size_t i = 1; i < states.size(); ++i) {
    sum = add(sum, multiply(states[i].value, shares->output(i)));
  }
  return sum;
}

}  // namespace accel::models
