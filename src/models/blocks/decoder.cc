#include "models/blocks/decoder.h"

#include <limits>
#include <openvino/op/abs.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/logical_and.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/tanh.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"

namespace accel::models {
namespace {

// Half of the lowest float: adding a score to it stays finite in bf16 as well, so that padding in
// front of a text, which sees nothing, does not spread NaN to the tokens that follow.
constexpr float kHidden = std::numeric_limits<float>::lowest() / 2;

template <typename Op>
Output apply(const Output& a, const Output& b) {
  return std::make_shared<Op>(a, b);
}

// The last token of each row that is not padding: [B, L, H] -> [B, H]. Without a padding token, the
// last one.
Output last_token(const Output& ids, const Output& x, std::optional<int64_t> padding) {
  Output position = positions_of(ids);
  if (padding) {
    const Output pad =
        std::make_shared<ov::op::v0::Convert>(integer(*padding), ids.get_element_type());
    const Output real = std::make_shared<ov::op::v0::Convert>(apply<ov::op::v1::NotEqual>(ids, pad),
                                                              ov::element::i64);
    position = multiply(position, real);  // [B, L]
    const Output last = std::make_shared<ov::op::v1::ReduceMax>(position, integers({1}), true);
    const Output row = std::make_shared<ov::op::v8::Gather>(x, last, integer(1), 1);
    return std::make_shared<ov::op::v0::Squeeze>(row, integers({1}));
  }
  const Output last = std::make_shared<ov::op::v1::ReduceMax>(position, integers({0}), false);
  return std::make_shared<ov::op::v8::Gather>(x, last, integer(1));
}

}  // namespace

Output sight_mask(const Output& ids, const std::optional<Output>& attention_mask,
                  const Sight& sight) {
  const Output key = positions_of(ids);
  const Output query = std::make_shared<ov::op::v0::Unsqueeze>(key, integers({1}));
  std::optional<Output> seen;
  const auto only = [&](const Output& more) {
    seen = seen ? apply<ov::op::v1::LogicalAnd>(*seen, more) : more;
  };
  if (sight.causal) only(apply<ov::op::v1::LessEqual>(key, query));
  if (sight.window > 0) {
    const Output distance =
        std::make_shared<ov::op::v0::Abs>(apply<ov::op::v1::Subtract>(query, key));
    only(apply<ov::op::v1::Less>(distance, integer(sight.window)));
  }
  if (attention_mask) {
    const Output real = apply<ov::op::v1::NotEqual>(*attention_mask, integer(0));
    only(std::make_shared<ov::op::v0::Unsqueeze>(real, integers({1, 2})));
  }
  if (!seen) only(apply<ov::op::v1::LessEqual>(key, key));  // everything
  const Output mask = std::make_shared<ov::op::v1::Select>(*seen, scalar(0.0F), scalar(kHidden));
  return attention_mask ? mask
                        : Output(std::make_shared<ov::op::v0::Unsqueeze>(mask, integers({0, 1})));
}

std::optional<int64_t> padding_token(const Json& config, std::optional<int64_t> fallback,
                                     ConfigReader& in) {
  const auto found = config.is_object() ? config.find("pad_token_id") : config.end();
  if (found == config.end()) return fallback;
  if (found->is_null()) return std::nullopt;
  if (!found->is_number_integer()) {
    in.problem("pad_token_id: expected an integer or null");
    return fallback;
  }
  return found->get<int64_t>();
}

Result<std::vector<NamedOutput>> decoder_outputs(BuildContext& context, const DecoderHead& head,
                                                 const Output& ids, const Output& x) {
  Weights& weights = context.weights;
  switch (context.head) {
    case Head::kCausalLm: {
      const Output matrix = weights.get((head.tied ? head.words : head.logits) + ".weight",
                                        {head.vocabulary, head.hidden});
      const Output logits = std::make_shared<ov::op::v0::MatMul>(x, matrix, false, true);
      return std::vector<NamedOutput>{{"logits", soft_cap(logits, head.softcap)}};
    }
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      const Output last = last_token(ids, x, head.padding);
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "score", last, head.hidden, labels, false)}};
    }
    case Head::kTokenClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      return std::vector<NamedOutput>{
          {"logits", linear(weights, head.tokens, x, head.hidden, labels)}};
    }
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, head.hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Output soft_cap(const Output& x, double cap) {
  if (cap == 0) return x;
  const Output inner = multiply(x, scalar(static_cast<float>(1.0 / cap)));
  return multiply(std::make_shared<ov::op::v0::Tanh>(inner), scalar(static_cast<float>(cap)));
}

}  // namespace accel::models
