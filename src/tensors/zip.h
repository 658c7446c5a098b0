// ZIP archives: the directory, single entries, and writing without compression.
//
// Enough for NPZ and for PyTorch's .pt: entries that are stored or deflated, ZIP64. What could hide
// something is refused: encryption, names that leave the folder, entries that share bytes, local
// headers that contradict the directory, sizes that no compression can have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "base/files.h"

namespace accel::tensors {

struct ZipEntry {
  std::string name;       // UTF-8, with '/'; ends with '/' for a folder
  bool deflated = false;  // else stored: the bytes lie in the archive as they are
  uint32_t crc32 = 0;
  uint64_t packed_size = 0;  // in the archive
  uint64_t size = 0;         // unpacked
  uint64_t data_begin = 0;   // of the packed bytes, from the start of the archive
};

// What unpacking may cost. The directory of an archive that asks for more is refused.
struct ZipLimits {
  uint64_t unpacked_bytes_max = uint64_t{4} << 30;  // sum over the deflated entries
  uint64_t ratio_max = 1032;  // of an entry's size to its packed size; deflate can reach 1032
};

// The entries of the archive in `bytes`, in the order of its directory. Touches the directory and
// each entry's local header. DATA_LOSS for what is broken or contradicts itself; INVALID_ARGUMENT
// for unsafe names; RESOURCE_EXHAUSTED beyond `limits`; UNIMPLEMENTED for encryption, other
// compressions, and archives in several parts. Time and memory are linear in the archive (sorting
// aside).
Result<std::vector<ZipEntry>> read_zip_directory(std::span<const std::byte> bytes,
                                                 const ZipLimits& limits = {});

// The entry's bytes in the archive, compressed if it is deflated; a view. Unchecked.
std::span<const std::byte> packed_bytes(std::span<const std::byte> archive, const ZipEntry& entry);

// The content of an entry of read_zip_directory(archive, ...): a view of the archive if it is
// stored, else unpacked into `memory`. DATA_LOSS when it does not have the size and the checksum
// that the directory states.
Result<std::span<const std::byte>> read_zip_entry(std::span<const std::byte> archive,
                                                  const ZipEntry& entry,
                                                  std::vector<std::byte>& memory);

// check_file_name(), said of an archive.
Status check_zip_name(std::string_view name);

// Writes an archive of stored entries to a file, in one pass, so a pipe works too. The data of
// each entry start at a multiple of 64 bytes, so that a reader can view them in a mapping. One
// owner, one thread; `file` outlives it.
class ZipWriter {
 public:
  // Sizes and offsets from `zip64_from` on are written as ZIP64 has them; lower only in tests.
  explicit ZipWriter(AtomicFile& file, uint64_t zip64_from = std::numeric_limits<uint32_t>::max())
      : file_(file), zip64_from_(zip64_from) {}

  // Adds an entry whose content is `parts` in a row. Names are checked by check_zip_name; the
  // caller sees to it that they differ.
  Status add(std::string_view name, std::span<const std::string_view> parts);

  // Writes the directory. The caller commits the file.
  Status finish();

 private:
  struct Written {
    std::string name;
    uint32_t crc32;
    uint64_t size;
    uint64_t header_begin;
  };
  AtomicFile& file_;
  uint64_t zip64_from_;
  std::vector<Written> entries_;
};

}  // namespace accel::tensors
