// Which constants of a graph are weights, and how each shall be stored. Pure: looks at a graph and
// changes nothing.
//
// Narrow floats (f16, bf16): f32 weights of matrix products, convolutions, embeddings and recurrent
// layers, also through a reshape or transpose before them. Everything else stays as it is: biases,
// normalisation, tables of angles are small, and lose more than they save.
//
// Integers: constants that are such weights directly. 8 bits: a scale per row of the output, of an
// embedding per word. 4 bits: a scale for each `group` numbers of a row; but 8 bits for embeddings,
// for convolutions, for the last layers before the outputs, and where no group fits: as nncf
// chooses by default (https://github.com/openvinotoolkit/nncf). Groups shrink by halves until they
// divide a row into at least four, which the engine's kernels want.
//
// What is integers or narrow already stays so: there is nothing to win by rounding twice.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>
#include <string_view>
#include <vector>

namespace accel::precision {

enum class WeightFormat { kAsStored, kF16, kBF16, kInt8, kInt4 };
std::string_view to_string(WeightFormat format);  // "as stored", "f16", "bf16", "int8", "int4"

struct CompressionOptions {
  WeightFormat format = WeightFormat::kAsStored;
  bool symmetric = false;  // of integers
  int64_t group = 128;     // of int4
};

struct PlannedWeight {
  std::shared_ptr<ov::op::v0::Constant> constant;
  // The value that the graph computes with: of the constant, or of the conversion to f32 behind it.
  ov::Output<ov::Node> value;
  WeightFormat format = WeightFormat::kAsStored;
  // Of integers: the matrix [rows, columns], a scale for each `group` columns of a row.
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t group = 0;
  // It lies there as [columns, rows], and products shall find it the other way round.
  bool transposed = false;
};

// The constants that are worth a place in a file of their own, in the order in which they lie in
// memory.
std::vector<PlannedWeight> plan_weights(const ov::Model& model, const CompressionOptions& options);

// The largest of `wanted`, `wanted` / 2 ... that divides `columns` into at least four groups of at
// least eight; 0: none.
int64_t fitting_group(int64_t columns, int64_t wanted);

}  // namespace accel::precision
