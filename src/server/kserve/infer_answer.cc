#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "server/kserve/classification.h"
#include "server/kserve/infer.h"

namespace accel::server::kserve {
namespace {

const Tensor* features_of(const ItemResult& item) {
  const auto* features = std::get_if<Features>(&item.result.answer);
  return features == nullptr ? nullptr : &features->values;
}

// The name of the output that holds the numbers of all items; empty: they have none, or of several
// shapes, or their tokens are what they are about.
std::string_view features_name(const std::vector<ItemResult>& items) {
  const Tensor* first = features_of(items.front());
  if (first == nullptr) return {};
  for (const ItemResult& item : items) {
    const Tensor* other = features_of(item);
    if (other == nullptr || other->shape() != first->shape() || other->dtype() != first->dtype()) {
      return {};
    }
  }
  const Shape& shape = first->shape();
  if (shape.size() == 1) return "sentence_embedding";
  // Features have an axis of 1 in front; the tokens of a multi-vector-embedding have none.
  if (shape.empty() || shape[0] != 1) return {};
  return shape.size() == 2 ? "pooler_output" : "last_hidden_state";
}

// One below another, without the axis of 1 in front.
Tensor stacked(const std::vector<ItemResult>& items) {
  const Tensor& first = *features_of(items.front());
  Shape shape = first.shape();
  if (shape.size() > 1) shape.erase(shape.begin());
  shape.insert(shape.begin(), static_cast<int64_t>(items.size()));
  if (items.size() == 1) return first.reshaped(std::move(shape));
  Tensor all = Tensor::allocate(first.dtype(), std::move(shape));
  std::byte* to = all.mutable_data();
  for (const ItemResult& item : items) {
    to = std::ranges::copy(features_of(item)->bytes(), to).out;
  }
  return all;
}

// As it was wanted: its numbers, or the best classes of them.
Result<TensorData> wanted_data(TensorData data, int64_t classes) {
  if (classes == 0) return data;
  const auto* tensor = std::get_if<Tensor>(&data);
  if (tensor == nullptr) {
    return invalid_argument("classification: expected numbers with a fraction, found BYTES");
  }
  ACCEL_ASSIGN(Strings best, best_classes(*tensor, classes));
  return TensorData(std::move(best));
}

Result<std::vector<InferOutput>> select_outputs(std::vector<InferOutput> outputs,
                                                const std::vector<WantedOutput>& wanted) {
  if (wanted.empty()) return outputs;
  std::vector<InferOutput> selected;
  for (const WantedOutput& one : wanted) {
    const auto found = std::ranges::find(outputs, one.name, &InferOutput::name);
    if (found == outputs.end()) {
      std::vector<std::string_view> names;
      for (const InferOutput& output : outputs) names.push_back(output.name);
      return invalid_argument(fmt::format("outputs: expected some of {}, found '{}'",
                                          fmt::join(names, ", "), one.name.substr(0, 80)));
    }
    Result<TensorData> data = wanted_data(std::move(found->data), one.classes);
    if (!data.ok()) return data.status().with_context(fmt::format("output '{}'", one.name));
    selected.push_back({one.name, std::move(*data)});
  }
  return selected;
}

}  // namespace

Status InferCollector::take(service::Event event) {
  auto* result = std::get_if<InferResult>(&event);
  if (result == nullptr) return items_.take(std::move(event));
  if (count_ > 0) return internal_error("expected an item's answer, found outputs of a graph");
  for (NamedTensor& output : result->outputs) {
    answer_.outputs.push_back({std::move(output.name), std::move(output.tensor)});
  }
  return {};
}

void InferCollector::add_item_outputs() {
  const std::vector<ItemResult>& items = items_.items();
  const bool truncated =
      std::ranges::any_of(items, [](const ItemResult& item) { return item.result.truncated; });
  if (truncated) answer_.parameters["truncated"] = true;
  const std::string_view name = features_name(items);
  if (!name.empty()) {
    answer_.outputs.push_back({std::string(name), stacked(items)});
    return;
  }
  Strings answers{.shape = {static_cast<int64_t>(items.size())}, .values = {}};
  for (const ItemResult& item : items) answers.values.push_back(to_json(item.result));
  answer_.outputs.push_back({"answer", std::move(answers)});
}

Result<InferAnswer> InferCollector::finish() {
  if (count_ > 0) add_item_outputs();
  ACCEL_ASSIGN(answer_.outputs, select_outputs(std::move(answer_.outputs), wanted_));
  return std::move(answer_);
}

}  // namespace accel::server::kserve
