// GgufSource: what a GGUF file says of a model, for the dialects to read: metadata under the
// architecture's own prefix, and which tensors there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accel/status.h"
#include "tensors/gguf.h"

namespace accel::models::gguf {

// One model in one file, or in several of which the first has the metadata. A value: copies share
// the mappings. Questions do not fail: a value of the wrong kind is remembered for status().
class GgufSource {
 public:
  // INVALID_ARGUMENT when "general.architecture" does not name one, or a tensor is in two files.
  static Result<GgufSource> create(std::vector<tensors::GgufFile> files);

  const std::string& architecture() const { return architecture_; }
  const std::vector<tensors::GgufFile>& files() const { return files_; }

  // The value under exactly `key`, or null.
  const tensors::GgufValue* find(std::string_view key) const { return files_.front().find(key); }
  // Those under "ARCHITECTURE.KEY"; none when absent. A list, as of a value per layer, counts as
  // one number if all of its elements agree.
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
  std::optional<std::vector<bool>> flags(std::string_view key) const;  // of a list of them

  bool has(std::string_view tensor) const { return shapes_.contains(std::string(tensor)); }
  // Of its outermost dimension; 0 when it is not there.
  int64_t rows(std::string_view tensor) const;
  // The numbers of a small tensor; empty when it is not there.
  std::vector<float> numbers(std::string_view tensor) const;

  // INVALID_ARGUMENT naming the first key of a wrong kind.
  const Status& status() const { return status_; }

 private:
  GgufSource() = default;
  const tensors::GgufValue* own(std::string_view key) const;
  void refuse(std::string_view key, std::string_view expected) const;

  std::vector<tensors::GgufFile> files_;
  std::string architecture_;
  std::unordered_map<std::string, Shape> shapes_;
  mutable Status status_;
};

}  // namespace accel::models::gguf
