#include "tensors/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "base/try.h"
#include "tensors/convert.h"
#include "tensors/npy_header.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

static_assert(std::endian::native == std::endian::little, "\"<\" is written for native bytes");

// Moves elements of kSize bytes from the order and byte order of the file to ours.
template <size_t kSize>
void rearrange(const NpyHeader& header, const std::byte* from, std::byte* to) {
  const Shape& shape = header.shape;
  const size_t rank = shape.size();
  std::vector<uint64_t> strides(rank, 1);  // of the source, in elements
  if (header.fortran_order) {
    for (size_t i = 1; i < rank; ++i)
      strides[i] = strides[i - 1] * static_cast<uint64_t>(shape[i - 1]);
  } else {
    for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * static_cast<uint64_t>(shape[i]);
  }
  const uint64_t count = *element_count(shape);
  Shape index(rank, 0);
  uint64_t source = 0;
  for (uint64_t i = 0; i < count; ++i, to += kSize) {
    std::memcpy(to, from + source * kSize, kSize);
    if (header.big_endian) std::reverse(to, to + kSize);
    for (size_t d = rank; d-- > 0;) {  // the next index in C order
      source += strides[d];
      if (++index[d] < shape[d]) break;
      source -= strides[d] * static_cast<uint64_t>(shape[d]);
      index[d] = 0;
    }
  }
}

Status check_rank(const std::filesystem::path& path, size_t rank) {
  if (rank <= kNpyRankMax) return {};
  return invalid_argument(fmt::format("writing {}: NPY allows {} dimensions, found {}",
                                      path.string(), kNpyRankMax, rank));
}

Tensor copied(const NpyHeader& header, const std::byte* data) {
  Tensor tensor = Tensor::allocate(header.dtype, header.shape);
  std::byte* out = tensor.mutable_data();
  if (tensor.count() == 0) return tensor;
  const bool swapped = header.big_endian && size_of(header.dtype) > 1;
  if (!header.fortran_order && !swapped) {
    std::memcpy(out, data, tensor.byte_size());
    return tensor;
  }
  switch (size_of(header.dtype)) {
    case 1: rearrange<1>(header, data, out); break;
    case 2: rearrange<2>(header, data, out); break;
    case 4: rearrange<4>(header, data, out); break;
    default: rearrange<8>(header, data, out); break;
  }
  return tensor;
}

}  // namespace

Result<Tensor> read_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  ACCEL_ASSIGN(const NpyHeader header, parse_npy_header(bytes, bytes.size()));
  const std::byte* data = bytes.data() + header.data_begin;
  const size_t size = size_of(header.dtype);
  const bool aligned = reinterpret_cast<uintptr_t>(data) % size == 0;
  const bool fortran = header.fortran_order && header.shape.size() > 1;
  if (aligned && !fortran && !(header.big_endian && size > 1)) {
    return Tensor::wrap(header.dtype, header.shape, data, std::move(owner));
  }
  return copied(header, data);
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  ACCEL_TRY(check_rank(path, tensor.shape().size()));
  ACCEL_ASSIGN(const Tensor stored, convert_dtype(tensor, npy_dtype(tensor.dtype())));
  ACCEL_ASSIGN(auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(npy_header(stored.dtype(), stored.shape())));
  ACCEL_TRY(file->write(chars(stored.bytes())));
  return file->commit();
}

Result<NpyRowWriter> NpyRowWriter::create(const std::filesystem::path& path, Options options) {
  if (npy_dtype(options.dtype) != options.dtype) {
    return invalid_argument(
        fmt::format("writing {}: NPY has no element type {}; convert the rows to {} first",
                    path.string(), to_string(options.dtype), to_string(npy_dtype(options.dtype))));
  }
  ACCEL_TRY(check_rank(path, options.row.size() + 1));
  const uint64_t count = element_count(options.row).value_or(0);
  const uint64_t size = size_of(options.dtype);
  if (count == 0 || count > std::numeric_limits<int64_t>::max() / size) {
    return invalid_argument(fmt::format(
        "writing {}: expected rows of at least one element and a size that can be counted, found "
        "the shape {}",
        path.string(), to_string(options.row)));
  }
  ACCEL_ASSIGN(auto file, AtomicFile::create(path));
  if (!file->seekable() && !options.rows) {
    return failed_precondition(fmt::format(
        "writing {}: an NPY file states its number of rows at its start, and this output cannot be "
        "corrected later; write to a regular file, or choose a format of lines such as jsonl",
        path.string()));
  }
  NpyRowWriter writer(std::move(file), std::move(options), count * size);
  ACCEL_TRY(writer.file_->write(writer.header(writer.options_.rows.value_or(0))));
  return writer;
}

std::string NpyRowWriter::header(uint64_t rows) const {
  Shape shape = options_.row;
  shape.insert(shape.begin(), static_cast<int64_t>(rows));
  return npy_header(options_.dtype, shape);
}

Status NpyRowWriter::write(std::span<const std::byte> bytes) {
  if (bytes.size() % row_bytes_ != 0) {
    return invalid_argument(fmt::format("NPY rows: expected a multiple of {} bytes, found {}",
                                        row_bytes_, bytes.size()));
  }
  ACCEL_TRY(file_->write(chars(bytes)));
  rows_ += bytes.size() / row_bytes_;
  return {};
}

Status NpyRowWriter::finish() {
  if (!file_->seekable()) {
    if (rows_ == *options_.rows) return file_->commit();
    return failed_precondition(fmt::format(
        "NPY rows: {} were promised to an output that cannot be corrected, and {} were written; "
        "what was written is not a valid file",
        *options_.rows, rows_));
  }
  ACCEL_TRY(file_->write_at(0, header(rows_)));
  return file_->commit();
}

}  // namespace accel::tensors
