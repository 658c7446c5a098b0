#include "server/collected_items.h"

#include <fmt/format.h>

#include <utility>

namespace accel::server {

Status CollectedItems::take(service::Event event) {
  auto* answer = std::get_if<service::ItemAnswer>(&event);
  if (answer == nullptr || answer->item >= items_.size()) {
    return internal_error("expected an item's answer, found another event");
  }
  if (!answer->result.ok()) {
    const Status& status = answer->result.status();
    return items_.size() == 1 ? status
                              : status.with_context(fmt::format("input[{}]", answer->item));
  }
  tokens_ += static_cast<uint64_t>(answer->result->tokens);
  items_[answer->item] = std::move(*answer->result);
  return {};
}

Result<std::span<const float>> CollectedItems::embedding(size_t item) const {
  const auto* features = std::get_if<Features>(&items_[item].result.answer);
  if (features == nullptr || features->values.dtype() != DType::kF32) {
    return invalid_argument("expected a model of sentence embeddings, found one for another task");
  }
  return features->values.data<float>();
}

}  // namespace accel::server
