// The GGUF container of ggml and llama.cpp (ggml's docs/gguf.md): metadata and named tensors of
// plain or block-wise packed numbers (gguf_blocks.h), made for mapping. Little endian.
//
//   "GGUF"     u32 version, u64 number of tensors, u64 number of metadata entries
//   metadata   each: a text (its key), u32 type, the value
//   tensors    each: a text (its name), u32 rank, u64 sizes (innermost first), u32 type, u64 offset
//   padding    to a multiple of "general.alignment", 32 when it is not there
//   data       the tensors' bytes; offsets count from here and are multiples of the alignment
//
// A text is a u64 length and its bytes; an array is the u32 type of its elements, their u64 number
// and the elements, which may be arrays again. Versions 2 and 3 differ in nothing that is read
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"
#include "tensors/gguf_blocks.h"

namespace accel::tensors {

// The numbers are the file's.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kText = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// A value of the metadata: a view of the file. The questions answer with nothing when the value is
// of another kind; they copy numbers out, because those are not aligned in the file.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;  // of an array
  uint64_t count = 1;                // of an array's elements
  // A number's bytes, a text without its length, an array's elements as they lie in the file.
  std::span<const std::byte> bytes = {};

  std::optional<std::string_view> text() const;
  std::optional<bool> flag() const;
  std::optional<int64_t> integer() const;  // of any width; none beyond i64
  std::optional<double> number() const;    // integers, too
  std::optional<std::vector<std::string_view>> texts() const;
  std::optional<std::vector<int64_t>> integers() const;  // or of flags
  std::optional<std::vector<double>> numbers() const;
};

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

// Where one tensor lies. `begin` and `end` count from the start of the file.
struct GgufTensor {
  std::string_view name;
  const BlockFormat* format = nullptr;
  Shape shape;  // outermost first, unlike in the file
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct GgufHeader {
  uint32_t version = 3;
  std::vector<GgufEntry> metadata;  // in the file's order
  std::vector<GgufTensor> tensors;  // in the file's order
  uint64_t data_begin = 0;
};

// Reads and checks everything before the data of a file of these bytes. Pure; the header's views
// are of `file`, of which the data is not touched.
//
// DATA_LOSS with the offset for a file that is truncated or contradicts itself: counts and sizes
// beyond the file, a name or key twice, tensors that overlap or are not aligned. UNIMPLEMENTED for
// version 1, other versions, big endian, the formats before GGUF, and types that are not known.
Result<GgufHeader> parse_gguf(std::span<const std::byte> file);

// An open file. A value: copies share the mapping. Immutable, so safe to read from several threads.
class GgufFile {
 public:
  // Maps the file and reads its header; no page of the data is touched. Errors name the file.
  static Result<GgufFile> open(const std::filesystem::path& path);

  const std::vector<GgufEntry>& metadata() const { return header_->metadata; }
  const std::vector<GgufTensor>& tensors() const { return header_->tensors; }
  const std::shared_ptr<const MappedFile>& mapping() const { return mapping_; }

  // The value under `key`, or null.
  const GgufValue* find(std::string_view key) const;

  std::span<const std::byte> bytes(const GgufTensor& tensor) const {
    return mapping_->bytes().subspan(tensor.begin, tensor.end - tensor.begin);
  }

 private:
  GgufFile(std::shared_ptr<const MappedFile> mapping, std::shared_ptr<const GgufHeader> header)
      : mapping_(std::move(mapping)), header_(std::move(header)) {}

  std::shared_ptr<const MappedFile> mapping_;
  std::shared_ptr<const GgufHeader> header_;
};

}  // namespace accel::tensors
