// GgufWeights: the tensors of a GGUF file under the names, and in the order of numbers, of the
// Hub's checkpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"
#include "models/gguf/dialect.h"
#include "models/gguf/row_order.h"
#include "models/weights.h"
#include "tensors/gguf.h"

namespace accel::models::gguf {

struct GgufWeight {
  std::string name;
  DType dtype = DType::kF32;  // as it is served
  Shape shape;
  const tensors::GgufTensor* stored = nullptr;
  Change change = Change::kNone;
  RowOrder order = {};

  // Whether the file holds the tensor just so.
  bool as_stored() const { return stored->format->plain && change == Change::kNone; }
  bool is_by_rows() const;  // rows of the file's, at most in another order
  // Whether it stays packed in the graph.
  bool stays_packed() const;
};

// A value: copies share the mapping. Immutable; safe from any thread.
class GgufWeights {
 public:
  // Those of `file`, a part of `source`. UNIMPLEMENTED names a tensor in a format that is not read;
  // INVALID_ARGUMENT one whose shape cannot be what the dialect says.
  static Result<GgufWeights> create(const tensors::GgufFile& file, const GgufSource& source,
                                    const Dialect& dialect);

  const std::vector<GgufWeight>& entries() const { return *entries_; }
  const std::shared_ptr<const MappedFile>& mapping() const { return file_.mapping(); }

  // A view of the mapping, or numbers of its own.
  Tensor tensor(const GgufWeight& weight) const;
  WeightEntry entry(const GgufWeight& weight) const;

 private:
  GgufWeights(tensors::GgufFile file, std::vector<GgufWeight> entries)
      : file_(std::move(file)),
        entries_(std::make_shared<const std::vector<GgufWeight>>(std::move(entries))) {}

  Tensor view_of(const tensors::GgufTensor& stored, std::span<const std::byte> bytes) const;

  tensors::GgufFile file_;  // whose tensors `entries_` point at
  std::shared_ptr<const std::vector<GgufWeight>> entries_;
};

}  // namespace accel::models::gguf
