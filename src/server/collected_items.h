// What most formatters do first: wait for all items of a request, in their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/submission.h"
#include "server/endpoint.h"

namespace accel::server {

// Gathers the answers of a RunItems. The first item that failed is the error of all, with its place
// named "input[3]" where there are several.
class CollectedItems {
 public:
  explicit CollectedItems(size_t count) : items_(count) {}

  Status take(service::Event event);
  // By place; all of them when the stream has ended.
  const std::vector<ItemResult>& items() const { return items_; }
  uint64_t tokens() const { return tokens_; }
  // Of a sentence-embedding: its numbers. INVALID_ARGUMENT for another answer.
  Result<std::span<const float>> embedding(size_t item) const;
  // Of a task that answers with a T. INTERNAL for another answer.
  template <class T>
  Result<const T*> answer(size_t item) const;

 private:
  std::vector<ItemResult> items_;
  uint64_t tokens_ = 0;
};

template <class T>
Result<const T*> CollectedItems::answer(size_t item) const {
  const T* found = std::get_if<T>(&items_[item].result.answer);
  if (found == nullptr) return internal_error("expected another kind of answer of this task");
  return found;
}

}  // namespace accel::server
