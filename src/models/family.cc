#include "models/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>

namespace accel::models {
namespace {

// The Hub's names.
constexpr std::array<std::pair<Head, std::string_view>, 14> kTasks{{
    {Head::kAudioClassification, "audio-classification"},
    {Head::kSpeechRecognition, "automatic-speech-recognition"},
    {Head::kBase, "feature-extraction"},
    {Head::kMaskedLm, "fill-mask"},
    {Head::kImageClassification, "image-classification"},
    {Head::kSemanticSegmentation, "image-segmentation"},
    {Head::kMultipleChoice, "multiple-choice"},
    {Head::kObjectDetection, "object-detection"},
    {Head::kQuestionAnswering, "question-answering"},
    {Head::kSequenceClassification, "text-classification"},
    {Head::kCausalLm, "text-generation"},
    {Head::kTextToText, "text2text-generation"},
    {Head::kTokenClassification, "token-classification"},
    {Head::kZeroShotImage, "zero-shot-image-classification"},
}};

// [B, C, L] to [B * C, L].
Output flatten_choices(const Output& ids) {
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto number = [](int64_t value) {
    return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{1}, {value});
  };
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(ids);
  const auto length = std::make_shared<ov::op::v8::Gather>(shape, number(2), zero);
  const auto pattern =
      std::make_shared<ov::op::v0::Concat>(ov::OutputVector{number(-1), length}, 0);
  return std::make_shared<ov::op::v1::Reshape>(ids, pattern, false);
}

}  // namespace

std::string_view to_string(Head head) {
  return std::ranges::find(kTasks, head, [](const auto& row) { return row.first; })->second;
}

Result<Head> parse_head(std::string_view task) {
  for (const auto& [head, name] : kTasks) {
    if (name == task) return head;
  }
  return invalid_argument(
      fmt::format("task: expected one of {}, found {}", fmt::join(task_names(), ", "), task));
}

std::vector<std::string_view> task_names() {
  std::vector<std::string_view> names;
  for (const auto& [head, name] : kTasks) names.push_back(name);
  return names;
}

void BuildContext::keep_state(const Output& x, std::string_view group) {
  const auto before = std::ranges::count_if(states, [&](const NamedOutput& state) {
    return state.name.substr(0, state.name.find('.')) == group;
  });
  states.push_back({fmt::format("{}.{}", group, before), x});
}

GraphInputs::GraphInputs(std::span<const InputSpec> specs, std::vector<std::string> wanted,
                         bool choices)
    : specs_(specs), wanted_(std::move(wanted)), choices_(choices) {}

bool GraphInputs::wants(std::string_view name) const {
  return std::ranges::find(wanted_, name) != wanted_.end();
}

std::optional<Output> GraphInputs::take(std::string_view name) {
  const auto spec = std::ranges::find(specs_, name, &InputSpec::name);
  if (spec == specs_.end() || !wants(name)) return std::nullopt;
  if (const auto it = taken_.find(name); it != taken_.end()) return it->second;
  std::vector<ov::Dimension> dimensions(spec->shape.begin(), spec->shape.end());
  const auto type = is_integer(spec->dtype) ? ov::element::i64 : ov::element::f32;
  auto parameter = std::make_shared<ov::op::v0::Parameter>(type, ov::PartialShape(dimensions));
  parameter->set_friendly_name(std::string(name));
  parameter->output(0).set_names({std::string(name)});
  parameters_.push_back(parameter);
  const bool choices = choices_ && is_integer(spec->dtype) && dimensions.size() == 3;
  const Output value = choices ? flatten_choices(parameter) : Output(parameter);
  return taken_.emplace(name, value).first->second;
}

}  // namespace accel::models
