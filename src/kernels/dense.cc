#include "kernels/dense.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace accel::kernels {
namespace {

constexpr int64_t kBlockIn = 384;  // a panel of x, 12 rows of it, stays in the L1 cache
constexpr int64_t kL2Usual = 1 << 20;

// Half of the cache for the weights; the rest is for what passes by.
int64_t weight_floats_in_cache() {
  const int64_t found = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
  return (found > 0 ? found : kL2Usual) / 2 / static_cast<int64_t>(sizeof(float));
}

// `total` cut into equal blocks of at most `most`, each a multiple of `unit`.
int64_t equal_blocks(int64_t total, int64_t most, int64_t unit) {
  const int64_t units = (total + unit - 1) / unit;
  const int64_t per_block = std::max<int64_t>(1, most / unit);
  const int64_t blocks = (units + per_block - 1) / per_block;
  return (units + blocks - 1) / blocks * unit;
}

}  // namespace

AlignedFloats::AlignedFloats(int64_t count) {
  constexpr size_t kAlignment = 64;
  const size_t bytes =
      (static_cast<size_t>(count) * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
  data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, std::max(bytes, kAlignment))));
  if (!data_) throw std::bad_alloc();
}

DenseLayer::DenseLayer(DenseParts parts, const KernelTable& table)
    : table_(table),
      parts_(std::move(parts)),
      weights_(padded_columns(parts_.out) * parts_.in),
      block_in_(equal_blocks(parts_.in, kBlockIn, 1)),
      block_columns_(
          equal_blocks(parts_.out, weight_floats_in_cache() / block_in_, kPanelColumns)) {
  lay_out(parts_.weight);
  parts_.weight = nullptr;
  parts_.bias.resize(static_cast<size_t>(padded_columns(parts_.out)), 0.0F);
}

// [out, in] to [panels][in][kPanelColumns], with zeros past the last column.
void DenseLayer::lay_out(const float* weight) {
  constexpr int64_t kStep = 16;  // columns of the source at a time: its cache lines serve once
  for (int64_t panel = 0; panel < padded_columns(parts_.out); panel += kPanelColumns) {
    float* out = weights_.data() + panel * parts_.in;
    const int64_t columns = std::min(kPanelColumns, parts_.out - panel);
    for (int64_t begin = 0; begin < parts_.in; begin += kStep) {
      const int64_t end = std::min(begin + kStep, parts_.in);
      for (int64_t c = 0; c < columns; ++c) {
        const float* row = weight + (panel + c) * parts_.in;
        for (int64_t k = begin; k < end; ++k) out[k * kPanelColumns + c] = row[k];
      }
      for (int64_t k = begin; k < end; ++k) {
        std::fill(out + k * kPanelColumns + columns, out + (k + 1) * kPanelColumns, 0.0F);
      }
    }
  }
}

void DenseLayer::run(const float* x, int64_t rows, const float* residual, float* y,
                     const Threads& threads) const {
  const int64_t columns = padded_columns(parts_.out);
  const auto block = [&](int64_t row_begin, int64_t row_end, int64_t column_begin,
                         int64_t column_end) {
    const int64_t offset = row_begin * parts_.out;
    const bool whole = column_begin == 0 && column_end == columns;
    table_.dense({.x = x + row_begin * parts_.in,
                  .y = y + offset,
                  .residual = residual == nullptr ? nullptr : residual + offset,
                  .weights = weights_.data(),
                  .bias = parts_.bias.data(),
                  .rows = row_end - row_begin,
                  .in = parts_.in,
                  .out = parts_.out,
                  .column_begin = column_begin,
                  .column_end = column_end,
                  .block_in = block_in_,
                  .block_columns = block_columns_,
                  .activation = parts_.activation,
                  .gamma = whole && !parts_.gamma.empty() ? parts_.gamma.data() : nullptr,
                  .beta = parts_.beta.data(),
                  .epsilon = parts_.epsilon});
  };
  if (threads.count <= 1) {
    block(0, rows, 0, columns);
  } else if (rows >= kPanelRows * 2 * threads.count) {
    threads.run(threads.count, [&](int task) {
      const int64_t begin = task * rows / threads.count;
      const int64_t end = (task + 1) * rows / threads.count;
      block(begin, end, 0, columns);
    });
  } else {  // few rows: every thread reads a part of the weights
    const int64_t panels = columns / kPanelColumns;
    const int tasks = static_cast<int>(std::min<int64_t>(threads.count, panels));
    threads.run(tasks, [&](int task) {
      block(0, rows, task * panels / tasks * kPanelColumns,
            (task + 1) * panels / tasks * kPanelColumns);
    });
    if (tasks > 1 && !parts_.gamma.empty()) {
      table_.norm({.x = y,
                   .gamma = parts_.gamma.data(),
                   .beta = parts_.beta.data(),
                   .rows = rows,
                   .size = parts_.out,
                   .epsilon = parts_.epsilon});
    }
  }
}

}  // namespace accel::kernels
