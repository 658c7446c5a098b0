// The formats in which GGUF files keep numbers: plain ones, and blocks of a few bits per number
// with scales for groups of them. What each block holds and how its numbers come about is that of
// ggml (ggml-quants.c, and its Python counterpart `gguf`), to the last bit.
//
// Every packed format here is of one form: number = scale * q + offset, where q is a small integer
// and scale and offset are those of the number's group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "accel/tensor.h"

namespace accel::tensors {

// One block, taken apart: a q per number, and per group a scale and, where the format has them, an
// offset. The spans have BlockFormat::elements and elements / group places.
struct SplitBlock {
  int8_t* q;
  float* scales;
  float* offsets;  // left alone by formats without any
};

struct BlockFormat {
  uint32_t id;                                // the file's number
  std::string_view name;                      // "Q4_K"
  uint32_t elements;                          // numbers in a block
  uint32_t bytes;                             // of a block
  std::optional<DType> plain = std::nullopt;  // of blocks of one number
  // Of packed formats that are read:
  uint32_t group = 0;  // numbers that share a scale
  int8_t least = 0;    // of q
  int8_t most = 0;
  bool offsets = false;
  void (*split)(const std::byte* block, const SplitBlock& out) = nullptr;

  bool is_read() const { return plain.has_value() || split != nullptr; }
};

// The format that the file calls `id`; null for none. What ggml had once and gave up is not there.
const BlockFormat* find_block_format(uint32_t id);

// The numbers of all `blocks` of a packed format: out[blocks * elements].
void unpack_blocks(const BlockFormat& format, std::span<const std::byte> blocks,
                   std::span<float> out);

}  // namespace accel::tensors
