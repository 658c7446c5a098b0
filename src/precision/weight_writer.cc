#include "precision/weight_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/try.h"
#include "precision/integers.h"

namespace accel::precision {
namespace {

constexpr size_t kSliceNumbers = size_t{1} << 21;   // 8 MiB of f32
constexpr size_t kThreadNumbers = size_t{1} << 18;  // fewer are not worth a thread
constexpr size_t kThreadsMax = 8;

// Calls work(begin, end) for parts of 0 .. rows.
template <class Work>
void on_threads(size_t rows, size_t numbers, const Work& work) {
  const size_t parts = std::clamp<size_t>(
      std::min<size_t>(numbers / kThreadNumbers, std::thread::hardware_concurrency()), 1,
      std::min(kThreadsMax, std::max<size_t>(rows, 1)));
  std::vector<std::jthread> others;
  for (size_t part = 1; part < parts; ++part) {
    others.emplace_back([&, part] { work(rows * part / parts, rows * (part + 1) / parts); });
  }
  work(0, rows / parts);
}

std::span<const std::byte> bytes_of(const void* data, size_t size) {
  return {static_cast<const std::byte*>(data), size};
}

Status align(WeightSink& sink) {
  static constexpr std::array<std::byte, backend::kConstantAlignment> kZeros{};
  const uint64_t at = sink.position();
  return sink.append({kZeros.data(), backend::aligned(at) - at});
}

// Integers of one weight on their way.
class IntegerWriter {
 public:
  IntegerWriter(const PlannedWeight& weight, const IntegerScheme& scheme, WeightSink& sink)
      : weight_(weight),
        scheme_(scheme),
        sink_(sink),
        rows_(static_cast<size_t>(weight.rows)),
        columns_(static_cast<size_t>(weight.columns)),
        group_(static_cast<size_t>(weight.group)),
        groups_(rows_ * columns_ / group_) {}

  // None: the scales do not fit f16.
  Result<std::optional<WrittenWeight>> write();

 private:
  Status write_rows(size_t begin, size_t end);
  void read_rows(size_t begin, size_t end);
  Result<PlacedTensor> put(const ov::element::Type& type, const ov::Shape& shape,
                           std::span<const std::byte> bytes);
  Result<PlacedTensor> put_scales(const ov::Shape& shape);
  Result<PlacedTensor> put_zeros(const ov::Shape& shape);
  ov::Shape values_shape() const;
  ov::element::Type values_type() const;

  const PlannedWeight& weight_;
  const IntegerScheme scheme_;
  WeightSink& sink_;
  const size_t rows_;
  const size_t columns_;
  const size_t group_;
  const size_t groups_;
  std::vector<float> numbers_;     // of a slice
  std::vector<uint8_t> integers_;  // likewise
  std::vector<float> scales_;      // of all groups
  std::vector<uint8_t> zeros_;     // likewise
  bool finite_ = true;
  bool precise_ = true;
};

ov::element::Type IntegerWriter::values_type() const {
  if (scheme_.bits == 4) return scheme_.symmetric ? ov::element::i4 : ov::element::u4;
  return scheme_.symmetric ? ov::element::i8 : ov::element::u8;
}

ov::Shape IntegerWriter::values_shape() const {
  if (group_ != columns_) return {rows_, columns_ / group_, group_};
  if (weight_.transposed) return {rows_, columns_};
  return weight_.constant->get_shape();
}

void IntegerWriter::read_rows(size_t begin, size_t end) {
  const ov::op::v0::Constant& constant = *weight_.constant;
  if (!weight_.transposed) {
    read_numbers(constant, begin * columns_, {numbers_.data(), (end - begin) * columns_});
    return;
  }
  // Row by row of what is stored, which lies together.
  std::vector<float> stored(end - begin);
  for (size_t column = 0; column < columns_; ++column) {
    read_numbers(constant, column * rows_ + begin, stored);
    for (size_t row = 0; row < stored.size(); ++row)
      numbers_[row * columns_ + column] = stored[row];
  }
}

Status IntegerWriter::write_rows(size_t begin, size_t end) {
  read_rows(begin, end);
  const size_t per_row = columns_ / group_;
  std::vector<uint8_t> fits(end - begin, 0);
  on_threads(end - begin, (end - begin) * columns_, [&](size_t from, size_t to) {
    for (size_t row = from; row < to; ++row) {
      uint8_t fit = 3;
      for (size_t i = 0; i < per_row; ++i) {
        const size_t at = row * columns_ + i * group_;
        const IntegerGroup group =
            quantize({numbers_.data() + at, group_}, scheme_, {integers_.data() + at, group_});
        scales_[(begin + row) * per_row + i] = group.scale;
        zeros_[(begin + row) * per_row + i] = static_cast<uint8_t>(group.zero);
        fit &= static_cast<uint8_t>((group.finite ? 1 : 0) | (group.precise ? 2 : 0));
      }
      fits[row] = fit;
    }
  });
  for (const uint8_t fit : fits) {
    finite_ = finite_ && (fit & 1) != 0;
    precise_ = precise_ && (fit & 2) != 0;
  }
  size_t bytes = (end - begin) * columns_;
  if (scheme_.bits == 4) {
    pack_nibbles({integers_.data(), bytes});
    bytes /= 2;
  }
  return sink_.append(bytes_of(integers_.data(), bytes));
}

Result<PlacedTensor> IntegerWriter::put(const ov::element::Type& type, const ov::Shape& shape,
                                        std::span<const std::byte> bytes) {
  ACCEL_TRY(align(sink_));
  const backend::Place place{sink_.position(), bytes.size()};
  ACCEL_TRY(sink_.append(bytes));
  return PlacedTensor{type, shape, place};
}

Result<PlacedTensor> IntegerWriter::put_scales(const ov::Shape& shape) {
  if (!scheme_.half_scales) {
    return put(ov::element::f32, shape, bytes_of(scales_.data(), scales_.size() * sizeof(float)));
  }
  std::vector<uint16_t> halves(scales_.size());
  to_f16(scales_, halves);
  return put(ov::element::f16, shape, bytes_of(halves.data(), halves.size() * sizeof(uint16_t)));
}

Result<PlacedTensor> IntegerWriter::put_zeros(const ov::Shape& shape) {
  if (scheme_.bits == 8) return put(ov::element::u8, shape, bytes_of(zeros_.data(), zeros_.size()));
  if (zeros_.size() % 2 != 0) zeros_.push_back(0);
  pack_nibbles(zeros_);
  return put(ov::element::u4, shape, bytes_of(zeros_.data(), zeros_.size() / 2));
}

Result<std::optional<WrittenWeight>> IntegerWriter::write() {
  using Written = std::optional<WrittenWeight>;
  const size_t slice = std::clamp<size_t>(kSliceNumbers / columns_, 1, rows_);
  numbers_.resize(slice * columns_);
  integers_.resize(slice * columns_);
  scales_.resize(groups_);
  zeros_.resize(groups_);
  WrittenWeight written{.format = weight_.format,
                        .values = {values_type(), values_shape(), {sink_.position(), 0}}};
  for (size_t row = 0; row < rows_; row += slice) {
    ACCEL_TRY(write_rows(row, std::min(row + slice, rows_)));
    if (!finite_) {
      return data_loss(fmt::format(
          "{}: expected numbers, found NaN or infinity in its rows from {} on; accel show --verify "
          "lists all damaged weights",
          weight_.constant->get_friendly_name(), row));
    }
    if (!precise_) return Written();
  }
  written.values.place.bytes = sink_.position() - written.values.place.offset;
  ov::Shape shape(written.values.shape.size(), 1);
  // [rows, 1], [rows, groups, 1], [rows, 1, 1, 1], and [groups, rows, 1 ...] of grouped kernels.
  size_t left = groups_;
  for (size_t i = 0; left > 1 && i < shape.size(); ++i) {
    shape[i] = written.values.shape[i];
    left /= std::max<size_t>(shape[i], 1);
  }
  ACCEL_ASSIGN(written.scales, put_scales(shape));
  if (!scheme_.symmetric) {
    ACCEL_ASSIGN(written.zeros, put_zeros(shape));
  }
  written.bytes = written.values.place.bytes + written.scales->place.bytes +
                  (written.zeros ? written.zeros->place.bytes : 0);
  return Written(std::move(written));
}

Result<WrittenWeight> write_integers(const PlannedWeight& weight, bool symmetric,
                                     WeightSink& sink) {
  const int bits = weight.format == WeightFormat::kInt4 ? 4 : 8;
  const uint64_t begin = sink.position();
  // Scales per row cost little in f32; per group they are a tenth of the weight.
  if (bits == 4) {
    ACCEL_ASSIGN(auto written, IntegerWriter(weight, {bits, symmetric, true}, sink).write());
    if (written) return *std::move(written);
    ACCEL_TRY(sink.rewind(begin));
  }
  ACCEL_ASSIGN(auto written, IntegerWriter(weight, {bits, symmetric, false}, sink).write());
  return *std::move(written);
}

// False: the numbers do not fit.
Result<bool> write_halves(const ov::op::v0::Constant& constant, WeightFormat format,
                          WeightSink& sink) {
  const size_t count = ov::shape_size(constant.get_shape());
  const size_t slice = std::min(count, kSliceNumbers);
  std::vector<uint16_t> halves(slice);
  const float* numbers = constant.get_data_ptr<float>();
  for (size_t begin = 0; begin < count; begin += slice) {
    const size_t size = std::min(slice, count - begin);
    std::vector<uint8_t> fits(size / kThreadNumbers + 1, 1);
    on_threads(fits.size(), size, [&](size_t from, size_t to) {
      for (size_t part = from; part < to; ++part) {
        const size_t at = part * kThreadNumbers;
        const size_t some = std::min(kThreadNumbers, size - at);
        const std::span<const float> in{numbers + begin + at, some};
        const std::span<uint16_t> out{halves.data() + at, some};
        fits[part] = (format == WeightFormat::kF16 ? to_f16(in, out) : to_bf16(in, out)) ? 1 : 0;
      }
    });
    if (std::ranges::find(fits, 0) != fits.end()) return false;
    ACCEL_TRY(sink.append(bytes_of(halves.data(), size * sizeof(uint16_t))));
  }
  return true;
}

Status write_as_stored(const ov::op::v0::Constant& constant, WeightSink& sink) {
  constexpr size_t kSliceBytes = kSliceNumbers * sizeof(float);
  std::span<const std::byte> rest = bytes_of(constant.get_data_ptr(), constant.get_byte_size());
  while (!rest.empty()) {
    const size_t size = std::min(kSliceBytes, rest.size());
    ACCEL_TRY(sink.append(rest.first(size)));
    rest = rest.subspan(size);
  }
  return {};
}

}  // namespace

void read_numbers(const ov::op::v0::Constant& constant, size_t begin, std::span<float> out) {
  const ov::element::Type& type = constant.get_element_type();
  if (type == ov::element::f32) {
    std::memcpy(out.data(), constant.get_data_ptr<float>() + begin, out.size_bytes());
    return;
  }
  const auto* halves = static_cast<const uint16_t*>(constant.get_data_ptr()) + begin;
  if (type == ov::element::bf16) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = std::bit_cast<float>(static_cast<uint32_t>(halves[i]) << 16);
    }
  } else {
    for (size_t i = 0; i < out.size(); ++i) out[i] = f16_value(halves[i]);
  }
}

Result<WrittenWeight> write_weight(const PlannedWeight& weight, const CompressionOptions& options,
                                   WeightSink& sink) {
  ACCEL_TRY(align(sink));
  if (weight.format == WeightFormat::kInt8 || weight.format == WeightFormat::kInt4) {
    return write_integers(weight, options.symmetric, sink);
  }
  const ov::op::v0::Constant& constant = *weight.constant;
  const uint64_t begin = sink.position();
  WrittenWeight written{.format = weight.format,
                        .values = {constant.get_element_type(), constant.get_shape(), {begin, 0}}};
  bool fits = weight.format != WeightFormat::kAsStored;
  if (fits) {
    ACCEL_ASSIGN(fits, write_halves(constant, weight.format, sink));
    if (fits) {
      written.values.type =
          weight.format == WeightFormat::kF16 ? ov::element::f16 : ov::element::bf16;
    }
  }
  if (!fits) {
    ACCEL_TRY(sink.rewind(begin));
    ACCEL_TRY(write_as_stored(constant, sink));
    written.format = WeightFormat::kAsStored;
  }
  written.values.place.bytes = sink.position() - begin;
  written.bytes = written.values.place.bytes;
  return written;
}

}  // namespace accel::precision
