// The safetensors format: named tensors behind a JSON header, made for mapping.
//
//   8 bytes   N, the length of the header, little endian
//   N bytes   a JSON object: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
//             ..., "__metadata__": {"key": "text"}}, padded with spaces
//   the rest  the tensors' bytes, row-major, little endian; offsets count from here
//
// The format demands that the tensors cover the data exactly: no hole, no overlap, nothing behind.
// A file that says otherwise is refused, with the tensor at fault named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/files.h"

namespace accel::tensors {

// Where one tensor lies. `begin` and `end` count from the start of the file.
struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t begin = 0;
  uint64_t end = 0;
  // Whether `begin` is a multiple of the element's size. The format does not promise it (a header
  // whose length is odd, a u8 tensor before an f32 one); what is not aligned is copied when read.
  bool aligned = true;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;             // by offset, which is their order in the file
  std::map<std::string, std::string> metadata;  // "__metadata__", e.g. {"format": "pt"}
  uint64_t data_begin = 0;                      // 8 + N
};

// The largest header the format allows.
inline constexpr uint64_t kSafetensorsHeaderBytesMax = 100'000'000;

// Reads and checks the header of a file of `file_size` bytes that starts with `head`. Pure. Only
// the first 8 + N bytes of `head` are touched, so that a mapped file's data stays on the disk;
// `head` may end there.
//
// DATA_LOSS, with the offset in the file where there is one, for a file that is truncated, too
// long, or contradicts itself; UNIMPLEMENTED for an element type that accel lacks (it is named).
// Unknown fields of a tensor are ignored, as the reference reader does.
Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> head,
                                                   uint64_t file_size);

// An open file: the header, and tensors that view the mapping. A value: copies share the mapping,
// and each tensor keeps it alive by itself. Immutable, so safe to read from several threads.
class SafetensorsFile {
 public:
  // Maps the file and reads its header; no data page is touched. Errors name the file: those of
  // MappedFile::open and of parse_safetensors_header.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);
  static Result<SafetensorsFile> open(std::shared_ptr<const MappedFile> mapping);

  const std::vector<TensorEntry>& entries() const { return header_->header.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_->header.metadata; }
  const std::shared_ptr<const MappedFile>& mapping() const { return mapping_; }

  // The entry called `name`, or null. Logarithmic.
  const TensorEntry* find(std::string_view name) const;

  // The tensor called `name`: a view of the mapping, or a copy if it is not aligned there.
  // NOT_FOUND when there is none.
  Result<Tensor> tensor(std::string_view name) const;

  // The same for one of this file's own entries.
  Tensor tensor(const TensorEntry& entry) const;

  // All of them, in the order of entries().
  NamedTensors tensors() const;

 private:
  struct Indexed {
    SafetensorsHeader header;
    std::vector<uint32_t> by_name;  // indices of entries, sorted by name
  };
  SafetensorsFile(std::shared_ptr<const MappedFile> mapping, std::shared_ptr<const Indexed> header)
      : mapping_(std::move(mapping)), header_(std::move(header)) {}

  std::shared_ptr<const MappedFile> mapping_;
  std::shared_ptr<const Indexed> header_;
};

// Writes `tensors` to `path`, which appears only when complete; a pipe works too. The widest
// elements come first (then the order given), and the header is padded with spaces to a multiple
// of 8 bytes, so that every tensor is aligned, as the reference writer has it.
//
// INVALID_ARGUMENT for a name given twice, the reserved name "__metadata__", or a name or metadata
// text that is not UTF-8; else the errors of AtomicFile.
Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace accel::tensors
