// NPY, numpy's format for one array: a magic, a header that is a Python dict, and the bytes.
//
// Read: versions 1.0, 2.0 and 3.0, C and Fortran order, either byte order, the types b1, i1 to i8,
// u1 to u8, f2, f4 and f8. Written: what numpy.save writes, byte for byte. numpy has no bf16 and no
// 8-bit floats, so these are written as f4, which holds their values exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"

namespace accel::tensors {

inline constexpr std::string_view kNpyMagic = "\x93NUMPY";
inline constexpr size_t kNpyRankMax = 64;  // that of numpy

struct NpyHeader {
  DType dtype = DType::kF32;
  Shape shape;
  bool fortran_order = false;  // the first index moves fastest
  bool big_endian = false;
  uint64_t data_begin = 0;
};

// Reads and checks the header of an array of `size` bytes, headers included, that starts with
// `head`. Pure; touches the header only. DATA_LOSS for what is truncated, too long or contradicts
// itself; UNIMPLEMENTED for element types and versions that accel lacks (named).
Result<NpyHeader> parse_npy_header(std::span<const std::byte> head, uint64_t size);

// The array in `bytes`: a view that keeps `owner` alive when it is aligned, in C order and little
// endian; else a copy. The errors of parse_npy_header.
Result<Tensor> read_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

// The type that `dtype` is stored as: itself, or f32 for bf16 and the 8-bit floats.
DType npy_dtype(DType dtype);

// The header of an array of that type (one that npy_dtype returns) and shape, in C order: version
// 1.0, its length a multiple of 64, with room for the first dimension to grow to 21 digits.
std::string npy_header(DType dtype, const Shape& shape);

// Writes one array to `path`, which appears only when complete. INVALID_ARGUMENT for more than
// kNpyRankMax dimensions; else the errors of AtomicFile.
Status write_npy(const std::filesystem::path& path, const Tensor& tensor);

// Writes an array row by row when the number of rows is known only at the end: the header is
// written first with room to spare, and put right by finish(). Memory does not grow with the rows.
// One owner, one thread.
class NpyRowWriter {
 public:
  struct Options {
    DType dtype = DType::kF32;  // one that numpy has; see npy_dtype
    Shape row;                  // the shape of one row, e.g. {384}; the array is [rows, 384]
    // The number of rows, when it is known. A pipe needs it, because its header cannot be put
    // right later.
    std::optional<uint64_t> rows;
  };

  // FAILED_PRECONDITION for a pipe or a device without options.rows; INVALID_ARGUMENT for a type
  // that numpy lacks or a row without elements; else the errors of AtomicFile.
  static Result<NpyRowWriter> create(const std::filesystem::path& path, Options options);

  // Appends whole rows: `bytes` is a multiple of row_bytes().
  Status write(std::span<const std::byte> bytes);

  // Rows written so far, and the size of one.
  uint64_t rows() const { return rows_; }
  uint64_t row_bytes() const { return row_bytes_; }

  // Completes the header; the file appears under its name. A pipe that was promised another number
  // of rows is FAILED_PRECONDITION. Without finish() a file does not appear. At most once.
  Status finish();

 private:
  NpyRowWriter(std::unique_ptr<AtomicFile> file, Options options, uint64_t row_bytes)
      : file_(std::move(file)), options_(std::move(options)), row_bytes_(row_bytes) {}
  std::string header(uint64_t rows) const;

  std::unique_ptr<AtomicFile> file_;
  Options options_;
  uint64_t row_bytes_;
  uint64_t rows_ = 0;
};

}  // namespace accel::tensors
