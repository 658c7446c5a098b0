// PackedWeight: a tensor of a GGUF file that is stored in blocks (tensors/gguf_blocks.h), for the
// graph.
//
// Engines compute with integers that have a scale, and a zero point, per group of a row: what is
// packed so stays so, in the fewest bits that both know (4 or 8):
//
//   Constant [rows, groups, size] -> Convert -> [Subtract zero points] -> Multiply scales ->
//   Reshape
//
// number = scale * q + offset becomes scale * (q - zero), zero = -offset / scale; in f32, so that
// nothing is rounded but the last bit. Everything else becomes f32 numbers.
#pragma once

#include <cstddef>
#include <memory>
#include <openvino/core/model.hpp>
#include <span>

#include "accel/tensor.h"
#include "base/files.h"
#include "models/gguf/row_order.h"
#include "models/weights.h"
#include "tensors/gguf_blocks.h"

namespace accel::models::gguf {

// The blocks of a tensor: where they lie, and what keeps them there.
struct Blocks {
  const tensors::BlockFormat* format = nullptr;
  Shape shape;
  std::span<const std::byte> bytes = {};
  std::shared_ptr<const void> owner = nullptr;
};

// Whether a tensor of that format and shape stays packed in the graph.
bool stays_packed(const tensors::BlockFormat& format, const Shape& shape);

// Asks the engine to leave a graph's activations as they are: with integer weights it would round
// them to 8 bits by default, which costs more than the weights' own packing does.
void keep_activations(ov::Model& model);

class PackedWeight : public DerivedWeight {
 public:
  // `order` is undone row by row.
  PackedWeight(Blocks blocks, const RowOrder& order) : blocks_(std::move(blocks)), order_(order) {}

  DType dtype() const override { return DType::kF32; }
  const Shape& shape() const override { return blocks_.shape; }
  Output value() const override;
  Tensor tensor() const override;

 private:
  std::span<const std::byte> stored_row(int64_t row) const;
  int64_t rows() const { return blocks_.shape.size() < 2 ? 1 : blocks_.shape.front(); }

  Blocks blocks_;
  RowOrder order_;
};

}  // namespace accel::models::gguf
