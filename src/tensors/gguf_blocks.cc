#include "tensors/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "tensors/gguf_grids.h"

namespace accel::tensors {
namespace {

// Bytes of a block.
using Block = const std::byte*;

constexpr size_t kMostElements = 256;
constexpr size_t kMostGroups = 32;

uint8_t byte_at(Block block, size_t offset) { return static_cast<uint8_t>(block[offset]); }

template <class T>
T field_of(Block block, size_t offset) {
  T value;
  std::memcpy(&value, block + offset, sizeof value);
  return value;
}

// An f16. Its exponent is moved by a product, which makes normal numbers of subnormal ones.
float half(Block block, size_t offset) {
  const auto bits = field_of<uint16_t>(block, offset);
  const uint32_t magnitude = bits & 0x7FFFU;
  const float moved =
      std::bit_cast<float>(magnitude << 13) * std::bit_cast<float>(uint32_t{0x7780'0000});
  uint32_t value = std::bit_cast<uint32_t>(moved);
  if (magnitude >= 0x7C00) value |= 0x7F80'0000;  // infinity and NaN
  return std::bit_cast<float>(value | (bits & 0x8000U) << 16);
}

// Two bits per number: kChunks runs of 32 bytes, of each first all lowest pairs, and so on.
template <size_t kChunks>
void split_pairs(Block pairs, int8_t* q) {
  for (size_t chunk = 0; chunk < kChunks; ++chunk) {
    for (size_t place = 0; place < 4; ++place) {
      for (size_t i = 0; i < 32; ++i) {
        q[chunk * 128 + place * 32 + i] =
            static_cast<int8_t>(byte_at(pairs, chunk * 32 + i) >> (2 * place) & 3);
      }
    }
  }
}

// Four bits per number: runs of `run` bytes, of each first all low halves.
void split_nibbles(Block nibbles, size_t count, size_t run, int8_t* q) {
  for (size_t at = 0; at < count / 2; at += run) {
    for (size_t i = 0; i < run; ++i) {
      const uint8_t both = byte_at(nibbles, at + i);
      q[2 * at + i] = static_cast<int8_t>(both & 0xF);
      q[2 * at + run + i] = static_cast<int8_t>(both >> 4);
    }
  }
}

void shift(int8_t* q, size_t count, int by) {
  for (size_t i = 0; i < count; ++i) q[i] = static_cast<int8_t>(q[i] + by);
}

// The fifth bits of 32 numbers.
void add_fifth_bits(uint32_t bits, int8_t* q) {
  for (size_t i = 0; i < 32; ++i) {
    q[i] = static_cast<int8_t>(q[i] | static_cast<int>(bits >> i & 1) << 4);
  }
}

void map(const std::array<int8_t, 16>& values, int8_t* q, size_t count) {
  for (size_t i = 0; i < count; ++i) q[i] = values[static_cast<uint8_t>(q[i])];
}

// --- groups of 32 --------------------------------------------------------------------------------

void q4_0(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  split_nibbles(block + 2, 32, 16, out.q);
  shift(out.q, 32, -8);
}

void q4_1(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  out.offsets[0] = half(block, 2);
  split_nibbles(block + 4, 32, 16, out.q);
}

void q5_0(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  split_nibbles(block + 6, 32, 16, out.q);
  add_fifth_bits(field_of<uint32_t>(block, 2), out.q);
  shift(out.q, 32, -16);
}

void q5_1(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  out.offsets[0] = half(block, 2);
  split_nibbles(block + 8, 32, 16, out.q);
  add_fifth_bits(field_of<uint32_t>(block, 4), out.q);
}

void q8_0(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  std::memcpy(out.q, block + 2, 32);
}

constexpr std::array<int8_t, 16> kNonLinear{-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};

void iq4_nl(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 0);
  split_nibbles(block + 2, 32, 16, out.q);
  map(kNonLinear, out.q, 32);
}

// The values of f4e2m1, doubled (Open Compute Project, Microscaling Formats 1.0).
constexpr std::array<int8_t, 16> kSmallFloats{0, 1,  2,  3,  4,  6,  8,  12,
                                              0, -1, -2, -3, -4, -6, -8, -12};

void mxfp4(Block block, const SplitBlock& out) {
  const uint32_t exponent = byte_at(block, 0);  // half of an f8e8m0
  out.scales[0] =
      std::bit_cast<float>(exponent < 2 ? uint32_t{0x20'0000} << exponent : (exponent - 1) << 23);
  split_nibbles(block + 1, 32, 16, out.q);
  map(kSmallFloats, out.q, 32);
}

// Half of an unsigned f8e4m3.
float small_scale(uint32_t bits) {
  if (bits == 0x7F) return 0;
  const uint32_t exponent = bits >> 3 & 0xF;
  const auto mantissa = static_cast<float>(bits & 7);
  if (exponent == 0) return mantissa * 0x1p-10F;
  return (1 + mantissa / 8) * std::bit_cast<float>((exponent + 127 - 8) << 23);
}

void nvfp4(Block block, const SplitBlock& out) {
  for (size_t group = 0; group < 4; ++group) out.scales[group] = small_scale(byte_at(block, group));
  split_nibbles(block + 4, 64, 8, out.q);
  map(kSmallFloats, out.q, 64);
}

// --- blocks of 256 -------------------------------------------------------------------------------

void q2_k(Block block, const SplitBlock& out) {
  const float scale = half(block, 80);
  const float least = half(block, 82);
  for (size_t group = 0; group < 16; ++group) {
    const uint8_t both = byte_at(block, group);
    out.scales[group] = scale * static_cast<float>(both & 0xF);
    out.offsets[group] = -(least * static_cast<float>(both >> 4));
  }
  split_pairs<2>(block + 16, out.q);
}

// Six bits each: four low ones in 8 bytes, the low halves first; two high ones in the 4 behind.
void q3_k(Block block, const SplitBlock& out) {
  const float scale = half(block, 108);
  const Block packed = block + 96;
  for (size_t group = 0; group < 16; ++group) {
    const int low = byte_at(packed, group % 8) >> (group / 8 * 4) & 0xF;
    const int high = byte_at(packed, 8 + group % 4) >> (group / 4 * 2) & 3;
    out.scales[group] = scale * static_cast<float>((low | high << 4) - 32);
  }
  split_pairs<2>(block + 32, out.q);
  for (size_t i = 0; i < 256; ++i) {
    const bool high = (byte_at(block, i % 32) >> (i / 32) & 1) != 0;
    out.q[i] = static_cast<int8_t>(out.q[i] - (high ? 0 : 4));
  }
}

// The scales and offsets of Q4_K and Q5_K, six bits each in 12 bytes behind the two f16.
void split_k_scales(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  const float least = half(block, 2);
  const Block packed = block + 4;
  for (size_t group = 0; group < 8; ++group) {
    int own = byte_at(packed, group) & 63;
    int lowest = byte_at(packed, group + 4) & 63;
    if (group >= 4) {
      const int low = byte_at(packed, group + 4);
      own = (low & 0xF) | (byte_at(packed, group - 4) >> 2 & 0x30);
      lowest = low >> 4 | (byte_at(packed, group) >> 2 & 0x30);
    }
    out.scales[group] = scale * static_cast<float>(own);
    out.offsets[group] = -(least * static_cast<float>(lowest));
  }
}

void q4_k(Block block, const SplitBlock& out) {
  split_k_scales(block, out);
  split_nibbles(block + 16, 256, 32, out.q);
}

void q5_k(Block block, const SplitBlock& out) {
  split_k_scales(block, out);
  split_nibbles(block + 48, 256, 32, out.q);
  for (size_t i = 0; i < 256; ++i) {
    const int high = byte_at(block, 16 + i % 32) >> (i / 32) & 1;
    out.q[i] = static_cast<int8_t>(out.q[i] | high << 4);
  }
}

void q6_k(Block block, const SplitBlock& out) {
  const float scale = half(block, 208);
  for (size_t group = 0; group < 16; ++group) {
    out.scales[group] = scale * static_cast<float>(field_of<int8_t>(block, 192 + group));
  }
  std::array<int8_t, 256> high;
  split_pairs<2>(block + 128, high.data());
  split_nibbles(block, 256, 64, out.q);
  for (size_t i = 0; i < 256; ++i) {
    out.q[i] = static_cast<int8_t>((out.q[i] | high[i] << 4) - 32);
  }
}

void q8_k(Block block, const SplitBlock& out) {
  out.scales[0] = field_of<float>(block, 0);
  std::memcpy(out.q, block + 4, 256);
}

void iq4_xs(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  const auto high = field_of<uint16_t>(block, 2);
  for (size_t group = 0; group < 8; ++group) {
    const int low = byte_at(block, 4 + group / 2) >> (group % 2 * 4) & 0xF;
    out.scales[group] = scale * static_cast<float>((low | (high >> (2 * group) & 3) << 4) - 32);
  }
  split_nibbles(block + 8, 256, 16, out.q);
  map(kNonLinear, out.q, 256);
}

// Five digits of base 3 to a byte, kept as a fraction of 256: of 32 bytes, of 16, and four of 4.
void tq1_0(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 52);
  const auto digits = [&](Block bytes, size_t run, size_t count, int8_t* q) {
    uint8_t power = 1;
    for (size_t digit = 0; digit < count; ++digit, power = static_cast<uint8_t>(power * 3)) {
      for (size_t i = 0; i < run; ++i) {
        const auto moved = static_cast<uint8_t>(byte_at(bytes, i) * power);
        q[digit * run + i] = static_cast<int8_t>((moved * 3 >> 8) - 1);
      }
    }
  };
  digits(block, 32, 5, out.q);
  digits(block + 32, 16, 5, out.q + 160);
  digits(block + 48, 4, 4, out.q + 240);
}

void tq2_0(Block block, const SplitBlock& out) {
  out.scales[0] = half(block, 64);
  split_pairs<2>(block, out.q);
  shift(out.q, 256, -1);
}

// --- blocks of points of a grid ------------------------------------------------------------------

// Seven signs and their parity, which makes the eighth.
uint8_t eight_signs(uint32_t seven) {
  return static_cast<uint8_t>(seven | (std::popcount(seven) & 1) << 7);
}

// Eight numbers of a grid whose points hold two bits per number.
void place_pairs(uint16_t point, const std::array<int8_t, 3>& values, uint8_t signs, int8_t* q) {
  for (size_t i = 0; i < 8; ++i) {
    const int8_t value = values[point >> (2 * i) & 3];
    q[i] = static_cast<int8_t>((signs >> i & 1) != 0 ? -value : value);
  }
}

// Four numbers of a grid whose points hold four bits per number.
void place_nibbles(uint16_t point, const std::array<int8_t, 8>& values, uint32_t signs, int8_t* q) {
  for (size_t i = 0; i < 4; ++i) {
    const int8_t value = values[point >> (4 * i) & 7];
    q[i] = static_cast<int8_t>((signs >> i & 1) != 0 ? -value : value);
  }
}

constexpr std::array<int8_t, 3> kTwoBits{8, 25, 43};
constexpr std::array<int8_t, 8> kThreeBits{4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::array<int8_t, 8> kOddNumbers{1, 3, 5, 7, 9, 11, 13, 15};

void iq2_xxs(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  for (size_t group = 0; group < 8; ++group) {
    const Block at = block + 2 + group * 8;
    const auto rest = field_of<uint32_t>(at, 4);
    out.scales[group] = scale * (0.5F + static_cast<float>(rest >> 28)) * 0.25F;
    for (size_t i = 0; i < 4; ++i) {
      place_pairs(kIq2XxsGrid[byte_at(at, i)], kTwoBits, eight_signs(rest >> (7 * i) & 0x7F),
                  out.q + group * 32 + i * 8);
    }
  }
}

void split_iq2_scales(Block block, Block scales, float* out) {
  const float scale = half(block, 0);
  for (size_t group = 0; group < 16; ++group) {
    const int own = byte_at(scales, group / 2) >> (group % 2 * 4) & 0xF;
    out[group] = scale * (0.5F + static_cast<float>(own)) * 0.25F;
  }
}

void iq2_xs(Block block, const SplitBlock& out) {
  split_iq2_scales(block, block + 66, out.scales);
  for (size_t i = 0; i < 32; ++i) {
    const auto both = field_of<uint16_t>(block, 2 + 2 * i);
    place_pairs(kIq2XsGrid[both & 511], kTwoBits, eight_signs(both >> 9), out.q + i * 8);
  }
}

void iq2_s(Block block, const SplitBlock& out) {
  split_iq2_scales(block, block + 74, out.scales);
  for (size_t i = 0; i < 32; ++i) {
    const int high = byte_at(block, 66 + i / 4) >> (i % 4 * 2) & 3;
    place_pairs(kIq2SGrid[static_cast<size_t>(byte_at(block, 2 + i) | high << 8)], kTwoBits,
                byte_at(block, 34 + i), out.q + i * 8);
  }
}

void iq3_xxs(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  for (size_t group = 0; group < 8; ++group) {
    const auto rest = field_of<uint32_t>(block, 66 + group * 4);
    out.scales[group] = scale * (0.5F + static_cast<float>(rest >> 28)) * 0.5F;
    for (size_t i = 0; i < 8; ++i) {
      const uint8_t signs = eight_signs(rest >> (7 * (i / 2)) & 0x7F);
      place_nibbles(kIq3XxsGrid[byte_at(block, 2 + group * 8 + i)], kThreeBits,
                    signs >> (i % 2 * 4), out.q + group * 32 + i * 4);
    }
  }
}

void iq3_s(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  for (size_t group = 0; group < 8; ++group) {
    const int own = byte_at(block, 106 + group / 2) >> (group % 2 * 4) & 0xF;
    out.scales[group] = scale * static_cast<float>(1 + 2 * own);
  }
  for (size_t i = 0; i < 64; ++i) {
    const int high = byte_at(block, 66 + i / 8) >> (i % 8) & 1;
    const uint32_t signs = byte_at(block, 74 + i / 2) >> (i % 2 * 4);
    place_nibbles(kIq3SGrid[static_cast<size_t>(byte_at(block, 2 + i) | high << 8)], kOddNumbers,
                  signs, out.q + i * 4);
  }
}

// Eight numbers of -1, 0, 1, an eighth more or less: in eighths.
void place_eighths(uint16_t point, bool less, int8_t* q) {
  for (size_t i = 0; i < 8; ++i) {
    const int value = (point >> (2 * i) & 3) - 1;
    q[i] = static_cast<int8_t>(8 * value + (less ? -1 : 1));
  }
}

void iq1_s(Block block, const SplitBlock& out) {
  const float scale = half(block, 0);
  for (size_t group = 0; group < 8; ++group) {
    const auto high = field_of<uint16_t>(block, 34 + 2 * group);
    out.scales[group] = scale * static_cast<float>(2 * (high >> 12 & 7) + 1) * 0.125F;
    for (size_t i = 0; i < 4; ++i) {
      const int point = byte_at(block, 2 + group * 4 + i) | (high >> (3 * i) & 7) << 8;
      place_eighths(kIq1SGrid[static_cast<size_t>(point)], (high & 0x8000) != 0,
                    out.q + group * 32 + i * 8);
    }
  }
}

// The f16 lies in the highest four bits of four 16-bit numbers, whose rest holds scales.
void iq1_m(Block block, const SplitBlock& out) {
  std::array<uint16_t, 4> packed;
  std::memcpy(packed.data(), block + 48, 8);
  const auto bits = static_cast<uint16_t>(packed[0] >> 12 | (packed[1] >> 8 & 0xF0) |
                                          (packed[2] >> 4 & 0xF00) | (packed[3] & 0xF000));
  const float scale = half(reinterpret_cast<Block>(&bits), 0);
  for (size_t group = 0; group < 16; ++group) {
    const int own = packed[group / 4] >> (group % 4 * 3) & 7;
    out.scales[group] = scale * static_cast<float>(2 * own + 1) * 0.125F;
  }
  for (size_t i = 0; i < 32; ++i) {
    const int rest = byte_at(block, 32 + i / 2) >> (i % 2 * 4);
    const int point = byte_at(block, i) | (rest & 7) << 8;
    place_eighths(kIq1SGrid[static_cast<size_t>(point)], (rest & 8) != 0, out.q + i * 8);
  }
}

// --- the list ------------------------------------------------------------------------------------

constexpr BlockFormat plain(uint32_t id, std::string_view name, DType dtype, uint32_t bytes) {
  return {.id = id, .name = name, .elements = 1, .bytes = bytes, .plain = dtype};
}

constexpr std::array kFormats{
    plain(0, "F32", DType::kF32, 4),
    plain(1, "F16", DType::kF16, 2),
    BlockFormat{2, "Q4_0", 32, 18, {}, 32, -8, 7, false, q4_0},
    BlockFormat{3, "Q4_1", 32, 20, {}, 32, 0, 15, true, q4_1},
    BlockFormat{6, "Q5_0", 32, 22, {}, 32, -16, 15, false, q5_0},
    BlockFormat{7, "Q5_1", 32, 24, {}, 32, 0, 31, true, q5_1},
    BlockFormat{8, "Q8_0", 32, 34, {}, 32, -128, 127, false, q8_0},
    BlockFormat{9, "Q8_1", 32, 36},  // of ggml's products, never of a file's
    BlockFormat{10, "Q2_K", 256, 84, {}, 16, 0, 3, true, q2_k},
    BlockFormat{11, "Q3_K", 256, 110, {}, 16, -4, 3, false, q3_k},
    BlockFormat{12, "Q4_K", 256, 144, {}, 32, 0, 15, true, q4_k},
    BlockFormat{13, "Q5_K", 256, 176, {}, 32, 0, 31, true, q5_k},
    BlockFormat{14, "Q6_K", 256, 210, {}, 16, -32, 31, false, q6_k},
    BlockFormat{15, "Q8_K", 256, 292, {}, 256, -128, 127, false, q8_k},
    BlockFormat{16, "IQ2_XXS", 256, 66, {}, 32, -43, 43, false, iq2_xxs},
    BlockFormat{17, "IQ2_XS", 256, 74, {}, 16, -43, 43, false, iq2_xs},
    BlockFormat{18, "IQ3_XXS", 256, 98, {}, 32, -62, 62, false, iq3_xxs},
    BlockFormat{19, "IQ1_S", 256, 50, {}, 32, -9, 9, false, iq1_s},
    BlockFormat{20, "IQ4_NL", 32, 18, {}, 32, -127, 113, false, iq4_nl},
    BlockFormat{21, "IQ3_S", 256, 110, {}, 32, -15, 15, false, iq3_s},
    BlockFormat{22, "IQ2_S", 256, 82, {}, 16, -43, 43, false, iq2_s},
    BlockFormat{23, "IQ4_XS", 256, 136, {}, 32, -127, 113, false, iq4_xs},
    plain(24, "I8", DType::kI8, 1),
    plain(25, "I16", DType::kI16, 2),
    plain(26, "I32", DType::kI32, 4),
    plain(27, "I64", DType::kI64, 8),
    plain(28, "F64", DType::kF64, 8),
    BlockFormat{29, "IQ1_M", 256, 56, {}, 16, -9, 9, false, iq1_m},
    plain(30, "BF16", DType::kBF16, 2),
    BlockFormat{34, "TQ1_0", 256, 54, {}, 256, -1, 1, false, tq1_0},
    BlockFormat{35, "TQ2_0", 256, 66, {}, 256, -1, 2, false, tq2_0},
    BlockFormat{39, "MXFP4", 32, 17, {}, 32, -12, 12, false, mxfp4},
    BlockFormat{40, "NVFP4", 64, 36, {}, 16, -12, 12, false, nvfp4},
    BlockFormat{41, "Q1_0", 128, 18},
};

}  // namespace

const BlockFormat* find_block_format(uint32_t id) {
  const auto format = std::ranges::find(kFormats, id, &BlockFormat::id);
  return format == kFormats.end() ? nullptr : &*format;
}

void unpack_blocks(const BlockFormat& format, std::span<const std::byte> blocks,
                   std::span<float> out) {
  std::array<int8_t, kMostElements> q;
  std::array<float, kMostGroups> scales;
  std::array<float, kMostGroups> offsets{};
  float* to = out.data();
  for (size_t at = 0; at < blocks.size(); at += format.bytes) {
    format.split(blocks.data() + at, {q.data(), scales.data(), offsets.data()});
    const int8_t* from = q.data();
    for (size_t group = 0; group < format.elements / format.group; ++group) {
      const float scale = scales[group];
      const float offset = offsets[group];
      for (size_t i = 0; i < format.group; ++i)
        to[i] = scale * static_cast<float>(from[i]) + offset;
      to += format.group;
      from += format.group;
    }
  }
}

}  // namespace accel::tensors
