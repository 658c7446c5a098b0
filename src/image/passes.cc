#include "image/passes.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/image.h"
#include "image/mixing.h"

namespace accel::image {
namespace {

// Eight runs of eight bytes, `stride` apart, become columns: byte i of run r goes to to[i * 8 + r].
void transpose(const uint8_t* from, size_t stride, uint8_t* to) {
  static_assert(kLanes == 8);
  using Bytes = uint8_t __attribute__((vector_size(16)));
  using Pairs = uint16_t __attribute__((vector_size(16)));
  using Quads = uint32_t __attribute__((vector_size(16)));
  using Halves = uint64_t __attribute__((vector_size(16)));
  Bytes runs[kLanes];
  for (size_t r = 0; r < kLanes; ++r) {
    // By way of a number: eight bytes written into a vector in memory and read back as sixteen
    // make the processor wait, which took four fifths of a horizontal pass.
    uint64_t run = 0;
    std::memcpy(&run, from + r * stride, kLanes);
    runs[r] = reinterpret_cast<Bytes>(Halves{run, 0});
  }
  Pairs pairs[4];
  for (size_t i = 0; i < 4; ++i) {
    pairs[i] = reinterpret_cast<Pairs>(__builtin_shufflevector(
        runs[2 * i], runs[2 * i + 1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  }
  for (size_t half = 0; half < 2; ++half) {  // four runs in each of two registers
    Quads upper;
    Quads lower;
    if (half == 0) {
      upper = reinterpret_cast<Quads>(
          __builtin_shufflevector(pairs[0], pairs[1], 0, 8, 1, 9, 2, 10, 3, 11));
      lower = reinterpret_cast<Quads>(
          __builtin_shufflevector(pairs[2], pairs[3], 0, 8, 1, 9, 2, 10, 3, 11));
    } else {
      upper = reinterpret_cast<Quads>(
          __builtin_shufflevector(pairs[0], pairs[1], 4, 12, 5, 13, 6, 14, 7, 15));
      lower = reinterpret_cast<Quads>(
          __builtin_shufflevector(pairs[2], pairs[3], 4, 12, 5, 13, 6, 14, 7, 15));
    }
    const Quads front = __builtin_shufflevector(upper, lower, 0, 4, 1, 5);
    const Quads back = __builtin_shufflevector(upper, lower, 2, 6, 3, 7);
    std::memcpy(to + 32 * half, &front, sizeof front);
    std::memcpy(to + 32 * half + sizeof front, &back, sizeof back);
  }
}

// Between rows one behind the other and rows side by side; `bytes` per row, `rows` up to kLanes.
void interleave(const uint8_t* from, size_t stride, size_t bytes, size_t rows, uint8_t* block) {
  size_t done = 0;
  if (rows == kLanes) {
    for (; done + kLanes <= bytes; done += kLanes) {
      transpose(from + done, stride, block + done * kLanes);
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    const uint8_t* row = from + r * stride;
    for (size_t i = done; i < bytes; ++i) block[i * kLanes + r] = row[i];
  }
}
void separate(const uint8_t* block, size_t bytes, size_t rows, uint8_t* to) {
  size_t done = 0;
  for (; done + kLanes <= bytes; done += kLanes) {
    uint8_t runs[kLanes * kLanes];
    transpose(block + done * kLanes, kLanes, runs);
    for (size_t r = 0; r < rows; ++r) {
      std::memcpy(to + r * bytes + done, runs + r * kLanes, kLanes);
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    uint8_t* row = to + r * bytes;
    for (size_t i = done; i < bytes; ++i) row[i] = block[i * kLanes + r];
  }
}

}  // namespace

void horizontal_pass(const Region& from, const Coefficients& across, uint8_t* to) {
  const Extent inputs = across.inputs();
  Coefficients inside = across;
  for (Taps& taps : inside.taps) taps.first -= inputs.first;
  const size_t from_bytes = static_cast<size_t>(inputs.count) * kChannels;
  const size_t to_bytes = across.taps.size() * kChannels;
  std::vector<uint8_t> block(from_bytes * kLanes);
  std::vector<uint8_t> mixed(to_bytes * kLanes);
  const uint8_t* row = from.pixels + static_cast<size_t>(inputs.first - from.left) * kChannels;
  auto left = static_cast<size_t>(from.size.height);
  while (left > 0) {
    const size_t rows = std::min(kLanes, left);
    interleave(row, from.stride, from_bytes, rows, block.data());
    mixing().pixels(block.data(), inside, mixed.data());
    separate(mixed.data(), to_bytes, rows, to);
    row += rows * from.stride;
    to += rows * to_bytes;
    left -= rows;
  }
}

void vertical_pass(const Region& from, const Coefficients& down, uint8_t* to) {
  constexpr size_t kStep = Mixing::kColumns * kLanes;
  const size_t bytes = static_cast<size_t>(from.size.width) * kChannels;
  const size_t odd = bytes % kStep;
  std::vector<uint8_t> rest;  // the last columns, as wide as a step
  for (size_t y = 0; y < down.taps.size(); ++y, to += bytes) {
    const std::span<const int32_t> weights = down.weights_of(y);
    const auto first = static_cast<size_t>(down.taps[y].first - from.top);
    const uint8_t* rows = from.pixels + first * from.stride;
    size_t at = 0;
    for (; at + kStep <= bytes; at += kStep) {
      mixing().rows(rows + at, from.stride, weights, to + at);
    }
    if (odd == 0) continue;
    rest.resize((weights.size() + 1) * kStep);
    for (size_t i = 0; i < weights.size(); ++i) {
      std::memcpy(&rest[(i + 1) * kStep], rows + i * from.stride + at, odd);
    }
    mixing().rows(&rest[kStep], kStep, weights, rest.data());
    std::memcpy(to + at, rest.data(), odd);
  }
}

}  // namespace accel::image
