// Rows of numbers that go through a model together: pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::runtime {

// A row's inputs by name, without the batch axis: input_ids [tokens], pixel_values [3, H, W].
struct Row {
  NamedTensors inputs;
};

// Numbers of the rows that run at the same time.
struct RowBatch {
  std::vector<uint32_t> rows;
};

struct RowLimits {
  int64_t max_tokens = 320;  // of a batch of texts, padding included
  int64_t max_rows = 4;      // of a batch of anything else
  int workers = 1;           // that run batches at the same time
};

// How long a text is, special tokens included; 0: the row is no text of one axis.
int64_t tokens_of(const Row& row);

// What rows must have in common to share a batch: equal strings.
std::string kind_of(const Row& row);

// Cuts rows into batches: texts (rows with input_ids of one axis) of like length go together,
// everything else in order with its like. Only rows with the same inputs, and of the same shape but
// for the axes of tokens, share a batch.
std::vector<RowBatch> cut_row_batches(std::span<const Row> rows, const RowLimits& limits);

// The rows as tensors [batch, ...]. Shorter ones are padded at the end of each axis: input_ids with
// `pad_id`, all others with zero.
NamedTensors stack_rows(std::span<const Row* const> rows, int32_t pad_id);

// Row `index` of outputs [batch, ...], copied.
NamedTensors take_row(const NamedTensors& outputs, int64_t index);

}  // namespace accel::runtime
