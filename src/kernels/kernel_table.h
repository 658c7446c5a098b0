// The inner loops, once per instruction set: what a table's functions get and do. Callers use
// dense.h and attention.h, and find tables in tables.h; this header is for those and for the
// tables.
//
// A table's source is compiled for instructions that the machine may lack, so it includes nothing
// whose inline functions the linker could share with other sources: no standard library.
#pragma once

#include <stdint.h>

namespace accel::kernels {

// Applied element-wise to x W^T + b. GELU after Hendrycks and Gimpel, arXiv:1606.08415.
enum class Activation : uint8_t { kNone, kRelu, kGeluErf, kGeluTanh, kSilu };

// What matrix products multiply: f32, or bf16 in pairs, whose two products are added in f32. A pair
// takes the place of one f32 in registers and in memory; a row of odd size ends with a zero.
enum class Operand : uint8_t { kF32, kBF16Pair };

constexpr int64_t operands_in(Operand operand, int64_t numbers) {
  return operand == Operand::kF32 ? numbers : (numbers + 1) / 2;
}

// Columns are padded to a multiple of this: whole vectors of every table.
constexpr int64_t kPadding = 16;
// Rows are cut into panels of at most this many.
constexpr int64_t kPanelRows = 6;

constexpr int64_t padded_columns(int64_t columns) {
  return (columns + kPadding - 1) / kPadding * kPadding;
}

// The width of the panel that begins at `column`: `panel_columns`, or, of the last, less.
constexpr int64_t panel_width(int64_t column, int64_t columns, int64_t panel_columns) {
  const int64_t left = padded_columns(columns) - column;
  return left < panel_columns ? left : panel_columns;
}

// Some columns of y = layer_norm(activation(x W^T + b) + residual).
struct DenseBlock {
  const float* x;                   // [rows, in]
  float* y;                         // [rows, out]
  const float* residual = nullptr;  // [rows, out] or null
  const float* weights;  // operands, panel by panel [depth, panel_width()], 64-byte aligned
  const float* bias;     // [padded_columns(out)]
  float* pairs;          // scratch [block_rows, depth], for rows of x as pairs; of f32 unused
  int64_t rows;
  int64_t in;
  int64_t depth;  // operands_in(in)
  int64_t out;
  int64_t column_begin;  // a multiple of the table's panel_columns
  int64_t column_end;    // likewise, or out
  int64_t block_rows;    // so many rows of x stay in the L2 cache
  int64_t block_depth;   // so many rows of a panel of weights are gone through at a time
  Activation activation;
  // Layer normalisation of the finished rows, as in NormRows; null: none. Only with all columns.
  const float* gamma = nullptr;
  const float* beta = nullptr;
  float epsilon = 0;
};

// Layer normalisation of rows in place: (x - mean) / sqrt(variance + epsilon) * gamma + beta.
struct NormRows {
  float* x;  // [rows, size]
  const float* gamma;
  const float* beta;
  int64_t rows;
  int64_t size;
  float epsilon;
};

// softmax(q k^T * scale + mask) v of one head of one sequence. Rows of q, k, v and out lie `stride`
// floats apart; head_size is a multiple of 16.
struct AttentionHead {
  const float* query;  // [length_q, head_size]
  const float* key;    // [length_k, head_size]
  const float* value;  // [length_k, head_size]
  float* out;          // [length_q, head_size]
  int64_t query_stride;
  int64_t key_stride;
  int64_t value_stride;
  int64_t out_stride;
  const float* mask = nullptr;  // added to the scores: [length_q or 1, length_k], or null
  int64_t mask_stride = 0;      // 0: one row for all queries
  int64_t length_q;
  int64_t length_k;
  int64_t head_size;
  float scale;
  float* scratch;  // attention_scratch() floats, 64-byte aligned
};

// Floats that attend() needs for keys of `length_k`: the keys laid out in panels, of pairs the
// values, too, which take half as much each, and one panel each of queries, scores and the mask.
constexpr int64_t attention_scratch(int64_t length_k, int64_t head_size) {
  return padded_columns(length_k) * (head_size + 2 * kPanelRows) + kPanelRows * head_size;
}

struct KernelTable {
  const char* name;       // "avx512", "avx2", "avx512_bf16"
  Operand operand;        // of dense layers and attention; all else is f32
  int64_t panel_columns;  // columns are cut into panels of this many and a narrower last one
  void (*dense)(const DenseBlock& block);
  void (*norm)(const NormRows& rows);
  void (*attend)(const AttentionHead& head);
};

}  // namespace accel::kernels
