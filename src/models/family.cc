#include "models/family.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <openvino/op/parameter.hpp>

namespace accel::models {
namespace {

// The Hub's names.
constexpr std::array<std::pair<Head, std::string_view>, 5> kTasks{{
    {Head::kBase, "feature-extraction"},
    {Head::kMaskedLm, "fill-mask"},
    {Head::kQuestionAnswering, "question-answering"},
    {Head::kSequenceClassification, "text-classification"},
    {Head::kTokenClassification, "token-classification"},
}};

}  // namespace

std::string_view to_string(Head head) {
  return std::ranges::find(kTasks, head, [](const auto& row) { return row.first; })->second;
}

Result<Head> parse_head(std::string_view task) {
  std::string known;
  for (const auto& [head, name] : kTasks) {
    if (name == task) return head;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  return invalid_argument(fmt::format("task: expected one of {}, found {}", known, task));
}

std::vector<OutputSpec> outputs_of(Head head, const Facts& facts) {
  switch (head) {
    case Head::kBase: return {{"last_hidden_state", {-1, -1, facts.hidden_size}}};
    case Head::kMaskedLm: return {{"logits", {-1, -1, facts.vocabulary}}};
    case Head::kSequenceClassification: return {{"logits", {-1, facts.labels}}};
    case Head::kTokenClassification: return {{"logits", {-1, -1, facts.labels}}};
    case Head::kQuestionAnswering: return {{"start_logits", {-1, -1}}, {"end_logits", {-1, -1}}};
  }
  return {};
}

GraphInputs::GraphInputs(std::span<const InputSpec> specs, std::vector<std::string> wanted)
    : specs_(specs), wanted_(std::move(wanted)) {}

std::optional<Output> GraphInputs::take(std::string_view name) {
  if (std::ranges::find(wanted_, name) == wanted_.end()) return std::nullopt;
  for (const auto& parameter : parameters_) {
    if (parameter->get_friendly_name() == name) return parameter;
  }
  const auto spec = std::ranges::find(specs_, name, &InputSpec::name);
  if (spec == specs_.end()) return std::nullopt;
  std::vector<ov::Dimension> dimensions(spec->shape.begin(), spec->shape.end());
  const auto type = spec->dtype == DType::kI64 ? ov::element::i64 : ov::element::f32;
  auto parameter = std::make_shared<ov::op::v0::Parameter>(type, ov::PartialShape(dimensions));
  parameter->set_friendly_name(std::string(name));
  parameter->output(0).set_names({std::string(name)});
  parameters_.push_back(parameter);
  return parameter;
}

}  // namespace accel::models
