// What came out of rows that come again, as the labels of a zero-shot classifier do: they are
// computed once for all inputs.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "accel/tensor.h"
#include "runtime/row_batches.h"

namespace accel::pipelines {

// Safe from any thread.
class RowMemory {
 public:
  // Rows of one key have the same inputs.
  static std::string key(const runtime::Row& row);

  std::optional<NamedTensors> find(const std::string& key) const;
  // Forgets everything when it would become more than kBytesMax.
  void keep(const std::string& key, NamedTensors outputs);

  static constexpr size_t kBytesMax = size_t{16} << 20;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, NamedTensors> outputs_;  // guarded by mutex_, as is the next
  size_t bytes_ = 0;
};

}  // namespace accel::pipelines
