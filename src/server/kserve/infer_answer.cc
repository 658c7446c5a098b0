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

// One number of each item.
template <class Member>
Tensor of_each_item(DType dtype, const std::vector<ItemResult>& items, Member member) {
  using Number = decltype(member(items.front()));
  Tensor all = Tensor::allocate(dtype, {static_cast<int64_t>(items.size())});
  std::ranges::transform(items, reinterpret_cast<Number*>(all.mutable_data()), member);
  return all;
}

Result<Tensor> class_map_of(const std::vector<ItemResult>& items) {
  const auto* first = std::get_if<Segmentation>(&items.front().result.answer);
  if (first == nullptr) return invalid_argument("expected segmented images, found other answers");
  Tensor all = Tensor::allocate(DType::kU16,
                                {static_cast<int64_t>(items.size()), first->height, first->width});
  std::byte* to = all.mutable_data();
  for (const ItemResult& item : items) {
    const auto* map = std::get_if<Segmentation>(&item.result.answer);
    if (map == nullptr || map->width != first->width || map->height != first->height) {
      return invalid_argument("expected images of one size, found several");
    }
    to = std::ranges::copy(std::as_bytes(std::span(map->classes)), to).out;
  }
  return all;
}

Result<Tensor> class_ids_of(const std::vector<ItemResult>& items) {
  std::vector<int64_t> ids;
  for (const ItemResult& item : items) {
    const auto* objects = std::get_if<DetectedObjects>(&item.result.answer);
    if (objects == nullptr) {
      return invalid_argument("expected detected objects, found other answers");
    }
    for (const DetectedObject& object : *objects) ids.push_back(object.class_id);
  }
  return Tensor::from<int64_t>({static_cast<int64_t>(ids.size())}, ids);
}

// An output that comes only when it is asked for; nothing: it is none of them.
Result<std::optional<Tensor>> further_output(std::string_view name,
                                             const std::vector<ItemResult>& items) {
  if (name == "tokens") {
    return std::optional(
        of_each_item(DType::kI64, items, [](const ItemResult& item) { return item.tokens; }));
  }
  if (name == "truncated") {
    return std::optional(of_each_item(
        DType::kBool, items, [](const ItemResult& item) { return item.result.truncated; }));
  }
  if (name == "class_map") {
    ACCEL_ASSIGN(Tensor map, class_map_of(items));
    return std::optional(std::move(map));
  }
  if (name == "class_ids") {
    ACCEL_ASSIGN(Tensor ids, class_ids_of(items));
    return std::optional(std::move(ids));
  }
  return std::optional<Tensor>();
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

Status InferCollector::add_item_outputs() {
  const std::vector<ItemResult>& items = items_.items();
  const bool truncated =
      std::ranges::any_of(items, [](const ItemResult& item) { return item.result.truncated; });
  if (truncated) answer_.parameters["truncated"] = true;
  const std::string_view name = features_name(items);
  if (!name.empty()) {
    answer_.outputs.push_back({std::string(name), stacked(items)});
  } else {
    Strings answers{.shape = {static_cast<int64_t>(items.size())}, .values = {}};
    for (const ItemResult& item : items) answers.values.push_back(to_json(item.result));
    answer_.outputs.push_back({"answer", std::move(answers)});
  }
  for (const WantedOutput& wanted : wanted_) {
    Result<std::optional<Tensor>> further = further_output(wanted.name, items);
    if (!further.ok()) return further.status().with_context("output '" + wanted.name + "'");
    if (*further) answer_.outputs.push_back({wanted.name, std::move(**further)});
  }
  return {};
}

Result<InferAnswer> InferCollector::finish() {
  if (count_ > 0) ACCEL_TRY(add_item_outputs());
  ACCEL_ASSIGN(answer_.outputs, select_outputs(std::move(answer_.outputs), wanted_));
  return std::move(answer_);
}

}  // namespace accel::server::kserve
