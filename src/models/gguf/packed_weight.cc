#include "models/gguf/packed_weight.h"

#include <algorithm>
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/subtract.hpp>
#include <thread>
#include <vector>

namespace accel::models::gguf {
namespace {

using tensors::BlockFormat;

// Calls work(begin, end) for parts of 0 .. rows, on all threads when that pays.
template <class Work>
void for_parts(int64_t rows, uint64_t numbers, const Work& work) {
  constexpr uint64_t kNumbersWorthAThread = uint64_t{1} << 20;
  const uint64_t most = std::max<uint64_t>(numbers / kNumbersWorthAThread, 1);
  const auto parts = static_cast<int64_t>(
      std::min<uint64_t>({most, std::max(std::thread::hardware_concurrency(), 1U),
                          static_cast<uint64_t>(std::max<int64_t>(rows, 1))}));
  std::vector<std::jthread> others;
  for (int64_t part = 1; part < parts; ++part) {
    others.emplace_back([&, part] { work(rows * part / parts, rows * (part + 1) / parts); });
  }
  work(0, rows / parts);
}

ov::element::Type integer_type(const BlockFormat& format) {
  if (format.least >= -8 && format.most <= 7) return ov::element::i4;
  if (format.least >= 0 && format.most <= 15) return ov::element::u4;
  return format.least >= 0 ? ov::element::u8 : ov::element::i8;
}

// The three constants of the graph while they are filled.
struct Grouped {
  Tensor integers;  // bytes
  Tensor scales;
  Tensor zeros;
};

// scale * q + offset as scale' * (q' - zero). Without a scale, all numbers are the offset.
void to_zero_point(size_t size, int8_t* q, float& scale, float& offset) {
  if (scale != 0) {
    offset = -offset / scale;
    return;
  }
  std::fill_n(q, size, int8_t{0});
  scale = offset;
  offset = -1;
}

void split_row(const BlockFormat& format, std::span<const std::byte> row, bool narrow,
               std::byte* integers, float* scales, float* zeros) {
  std::array<int8_t, 256> q;
  std::array<float, 32> unused;
  const size_t groups = format.elements / format.group;
  for (size_t at = 0; at < row.size(); at += format.bytes) {
    float* offsets = format.offsets ? zeros : unused.data();
    format.split(row.data() + at, {q.data(), scales, offsets});
    for (size_t group = 0; format.offsets && group < groups; ++group) {
      to_zero_point(format.group, q.data() + group * format.group, scales[group], zeros[group]);
    }
    scales += groups;
    if (format.offsets) zeros += groups;
    for (size_t i = 0; narrow && i < format.elements / 2; ++i) {
      integers[i] = static_cast<std::byte>((q[2 * i] & 0xF) | (q[2 * i + 1] & 0xF) << 4);
    }
    if (!narrow)
      std::copy_n(reinterpret_cast<const std::byte*>(q.data()), format.elements, integers);
    integers += narrow ? format.elements / 2 : format.elements;
  }
}

Output constant(const ov::element::Type& type, const ov::Shape& shape, const Tensor& data) {
  return std::make_shared<ov::op::v0::Constant>(type, shape, data.bytes().data(),
                                                std::make_shared<Tensor>(data));
}

}  // namespace

bool stays_packed(const BlockFormat& format, const Shape& shape) {
  constexpr int64_t kFewestGroups = 4;  // of a row, for the engine to compute with them
  if (format.split == nullptr || shape.size() != 2 || shape[0] < 2) return false;
  return shape[1] / format.group >= kFewestGroups;
}

void keep_activations(ov::Model& model) {
  model.set_rt_info(std::string("0"), "runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE");
}

std::span<const std::byte> PackedWeight::stored_row(int64_t row) const {
  const size_t bytes = blocks_.bytes.size() / static_cast<size_t>(rows());
  return blocks_.bytes.subspan(static_cast<size_t>(order_.stored(row)) * bytes, bytes);
}

Tensor PackedWeight::tensor() const {
  Tensor numbers = Tensor::allocate(DType::kF32, blocks_.shape);
  if (numbers.count() == 0) return numbers;
  float* to = reinterpret_cast<float*>(numbers.mutable_data());
  const size_t size = numbers.count() / static_cast<size_t>(rows());
  for_parts(rows(), numbers.count(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      tensors::unpack_blocks(*blocks_.format, stored_row(row),
                             {to + static_cast<size_t>(row) * size, size});
    }
  });
  return numbers;
}

Output PackedWeight::value() const {
  const BlockFormat& format = *blocks_.format;
  if (!stays_packed(format, blocks_.shape)) return float_constant(tensor());
  const ov::element::Type type = integer_type(format);
  const bool narrow = type.bitwidth() == 4;
  const int64_t columns = blocks_.shape[1];
  const int64_t groups = columns / format.group;
  const int64_t row_bytes = narrow ? columns / 2 : columns;
  Grouped grouped{.integers = Tensor::allocate(DType::kU8, {rows(), row_bytes}),
                  .scales = Tensor::allocate(DType::kF32, {rows(), groups}),
                  .zeros = Tensor::allocate(DType::kF32, {format.offsets ? rows() : 0, groups})};
  std::byte* integers = grouped.integers.mutable_data();
  float* scales = reinterpret_cast<float*>(grouped.scales.mutable_data());
  float* zeros = reinterpret_cast<float*>(grouped.zeros.mutable_data());
  for_parts(rows(), static_cast<uint64_t>(rows() * columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      split_row(format, stored_row(row), narrow, integers + row * row_bytes, scales + row * groups,
                zeros + (format.offsets ? row * groups : 0));
    }
  });
  const auto at = [](int64_t size) { return static_cast<size_t>(size); };
  const ov::Shape by_group{at(rows()), at(groups), 1};
  Output x = std::make_shared<ov::op::v0::Convert>(
      constant(type, {at(rows()), at(groups), format.group}, grouped.integers), ov::element::f32);
  if (format.offsets) {
    x = std::make_shared<ov::op::v1::Subtract>(x,
                                               constant(ov::element::f32, by_group, grouped.zeros));
  }
  x = std::make_shared<ov::op::v1::Multiply>(x,
                                             constant(ov::element::f32, by_group, grouped.scales));
  return std::make_shared<ov::op::v1::Reshape>(
      x, ov::op::v0::Constant::create(ov::element::i64, ov::Shape{2}, blocks_.shape), false);
}

}  // namespace accel::models::gguf
