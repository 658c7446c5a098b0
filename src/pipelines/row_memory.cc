#include "pipelines/row_memory.h"

#include <fmt/format.h>

#include <utility>

namespace accel::pipelines {

std::string RowMemory::key(const runtime::Row& row) {
  std::string key;
  for (const NamedTensor& input : row.inputs) {
    const auto bytes = input.tensor.bytes();
    key += fmt::format("{} {} {}:", input.name, to_string(input.tensor.dtype()),
                       to_string(input.tensor.shape()));
    key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return key;
}

std::optional<NamedTensors> RowMemory::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto it = outputs_.find(key);
  return it == outputs_.end() ? std::nullopt : std::optional(it->second);
}

void RowMemory::keep(const std::string& key, NamedTensors outputs) {
  size_t bytes = key.size();
  for (const NamedTensor& output : outputs) bytes += output.tensor.byte_size();
  const std::lock_guard lock(mutex_);
  if (outputs_.contains(key)) return;
  if (bytes_ + bytes > kBytesMax) {
    outputs_.clear();
    bytes_ = 0;
  }
  outputs_.emplace(key, std::move(outputs));
  bytes_ += bytes;
}

}  // namespace accel::pipelines
