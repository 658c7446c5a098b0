#include "kernels/dense.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <new>

namespace accel::kernels {
namespace {

constexpr int64_t kFloatSize = sizeof(float);

int64_t cache_bytes(int level, int64_t usual) {
  const int64_t found = ::sysconf(level);
  return found > 0 ? found : usual;
}

int64_t l2_bytes() { return cache_bytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20); }

// From so many rows on, reading all of the weights is hidden behind the multiplications.
constexpr int64_t kRowsPerThread = 48;

// Half of the L2 cache is for rows of x, the rest for weights and results that pass by.
int64_t rows_in_cache(int64_t depth) {
  return std::max(kPanelRows, l2_bytes() / 2 / kFloatSize / depth / kPanelRows * kPanelRows);
}

// How many rows of a panel of weights serve all rows in turn. Shallow blocks stay in the L1 cache,
// if it is large enough. Deep ones come from the L2 cache, and sums are put down and taken up again
// less often, which is better when many rows share the way of the weights there
// (docs/performance.md, "The inner loop").
int64_t block_depth(int64_t rows, int64_t panel_columns) {
  constexpr int64_t kShallow = int64_t{128} * 64;  // numbers
  constexpr int64_t kManyRows = 8 * kPanelRows;
  static const int64_t l1 = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
  static const int64_t deep = l2_bytes() / 2 / kFloatSize;
  const bool stays = kShallow * kFloatSize <= l1 / 4 * 3;
  return (stays || rows < kManyRows ? kShallow : deep) / panel_columns;
}

// The nearest bf16, of two the even one, as the processor rounds x.
uint32_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return bits >> 16 | 0x40;
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

// Number `k` of a row and the next, or a zero past its end.
float pair_at(const float* row, int64_t k, int64_t size) {
  const uint32_t next = k + 1 < size ? to_bf16(row[k + 1]) : 0;
  return std::bit_cast<float>(next << 16 | to_bf16(row[k]));
}

// Memory of this thread for one block of rows, kept for its next task: half of the L2 cache or six
// rows of the widest layer so far.
float* scratch(int64_t floats) {
  thread_local int64_t size = 0;
  thread_local AlignedFloats memory(0);
  if (floats > size) {
    memory = AlignedFloats(floats);
    size = floats;
  }
  return memory.data();
}

}  // namespace

AlignedFloats::AlignedFloats(int64_t count) {
  constexpr size_t kVector = 64;
  constexpr size_t kHugePage = 2 << 20;
  const size_t wanted = static_cast<size_t>(count) * sizeof(float);
  const size_t alignment = wanted >= kHugePage ? kHugePage : kVector;
  const size_t bytes = std::max((wanted + kVector - 1) / kVector * kVector, kVector);
  void* data = nullptr;
  if (::posix_memalign(&data, alignment, bytes) != 0) throw std::bad_alloc();
  data_.reset(static_cast<float*>(data));
  // One piece of physical memory: its parts do not push each other out of the L2 cache. A wish.
  if (alignment == kHugePage) ::madvise(data, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
}

DenseLayer::DenseLayer(DenseParts parts, const KernelTable& table, const Threads& threads)
    : table_(table),
      parts_(std::move(parts)),
      depth_(operands_in(table.operand, parts_.in)),
      weights_(padded_columns(parts_.out) * depth_),
      block_rows_(rows_in_cache(depth_)) {
  const Stage layout{.tasks = static_cast<int>(panels()),
                     .task = [this](int i) { lay_out(parts_.weight, i * table_.panel_columns); }};
  run_stages({&layout, 1}, threads);
  parts_.weight = nullptr;
  parts_.bias.resize(static_cast<size_t>(padded_columns(parts_.out)), 0.0F);
}

// [out, in] to panels of [depth, width], with zeros past the last column: the one that begins at
// column `panel`.
void DenseLayer::lay_out(const float* weight, int64_t panel) {
  constexpr int64_t kStep = 16;  // columns of the source at a time: its cache lines serve once
  const bool pairs = table_.operand == Operand::kBF16Pair;
  float* out = weights_.data() + panel * depth_;
  const int64_t width = panel_width(panel, parts_.out, table_.panel_columns);
  const int64_t columns = std::min(width, parts_.out - panel);
  for (int64_t begin = 0; begin < depth_; begin += kStep) {
    const int64_t end = std::min(begin + kStep, depth_);
    for (int64_t c = 0; c < columns; ++c) {
      const float* row = weight + (panel + c) * parts_.in;
      for (int64_t k = begin; k < end; ++k) {
        out[k * width + c] = pairs ? pair_at(row, 2 * k, parts_.in) : row[k];
      }
    }
    for (int64_t k = begin; k < end; ++k) {
      std::fill(out + k * width + columns, out + (k + 1) * width, 0.0F);
    }
  }
}

DenseCut DenseLayer::cut(int64_t rows, int threads) const {
  if (threads <= 1) return {};
  if (rows >= kRowsPerThread * threads) return {.by_rows = threads};
  return {.by_columns = static_cast<int>(panels())};
}

void DenseLayer::run(const DenseRows& call, const DenseCut& cut, int task) const {
  const int64_t row = task / cut.by_columns * call.rows / cut.by_rows;
  const int64_t row_end = (task / cut.by_columns + 1) * call.rows / cut.by_rows;
  const auto panel = [&](int i) { return i * panels() / cut.by_columns * table_.panel_columns; };
  const int64_t column = panel(task % cut.by_columns);
  const int64_t column_end = std::min(parts_.out, panel(task % cut.by_columns + 1));
  const int64_t offset = row * parts_.out;
  const int64_t block_rows = std::min(block_rows_, std::max<int64_t>(row_end - row, 1));
  float* pairs = table_.operand == Operand::kBF16Pair ? scratch(block_rows * depth_) : nullptr;
  table_.dense({.x = call.x + row * parts_.in,
                .y = call.y + offset,
                .residual = call.residual == nullptr ? nullptr : call.residual + offset,
                .weights = weights_.data(),
                .bias = parts_.bias.data(),
                .pairs = pairs,
                .rows = row_end - row,
                .in = parts_.in,
                .depth = depth_,
                .out = parts_.out,
                .column_begin = column,
                .column_end = column_end,
                .block_rows = block_rows,
                .block_depth = block_depth(row_end - row, table_.panel_columns),
                .activation = parts_.activation,
                .gamma = cut.by_columns > 1 || parts_.gamma.empty() ? nullptr : parts_.gamma.data(),
                .beta = parts_.beta.data(),
                .epsilon = parts_.epsilon});
}

void DenseLayer::norm(float* y, int64_t rows, int tasks, int task) const {
  const int64_t begin = task * rows / tasks;
  const int64_t end = (task + 1) * rows / tasks;
  table_.norm({.x = y + begin * parts_.out,
               .gamma = parts_.gamma.data(),
               .beta = parts_.beta.data(),
               .rows = end - begin,
               .size = parts_.out,
               .epsilon = parts_.epsilon});
}

}  // namespace accel::kernels
