// The file of one cache entry: a header that says what the entry is, then its payload.
//
//   byte  0  "accelce1"                        the format and its version
//         8  size of the JSON, 4 bytes         all numbers little-endian
//        12  where the payload begins, 4       a multiple of 4096, for mapping
//        16  size of the payload, 8
//        24  content_digest() of the payload, 32 hexadecimal digits
//        56  fingerprint() of bytes 0..55 and 88..payload, 32 digits
//        88  JSON {"kind", "parts": [[name, value] ...], "label", "note", "made_s"}, then zeros
//
// The file ends with its payload. Whatever bit changes, one of the two sums tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "store/cache_key.h"

namespace accel::store {

inline constexpr std::string_view kEntrySuffix = ".entry";  // of its file's name

struct EntryHeader {
  static constexpr size_t kBytesMax = 1 << 20;  // of a whole header
  static constexpr size_t kLabelMax = 1024;     // bytes of the label and of the note

  CacheKey key;
  std::string label;   // for people: what it belongs to, e.g. the model's path. UTF-8
  std::string note;    // of whoever stored it, e.g. why the payload is empty. UTF-8
  int64_t made_s = 0;  // when, seconds since 1970

  uint64_t payload_begin = 0;  // set by encode() and parse()
  uint64_t payload_bytes = 0;
  std::string payload_digest = std::string(32, '0');
};

// The bytes before the payload. Their number depends on key, label and note alone, so that a
// header can be written again when the payload is known. Sets header.payload_begin. Texts that are
// too long or no UTF-8 are mended; the key is one that check() accepts.
std::string encode_entry_header(EntryHeader& header);

// Reads the header of `file`, of which at least the header must be there; `file_bytes` is the size
// of all of it. The payload is not looked at. DATA_LOSS for what is no whole entry, with the offset
// where there is one.
Result<EntryHeader> parse_entry_header(std::span<const std::byte> file, uint64_t file_bytes);

// The payload of an entry in memory, checked against the header's digest. DATA_LOSS.
Result<std::span<const std::byte>> checked_payload(std::span<const std::byte> file,
                                                   const EntryHeader& header);

}  // namespace accel::store
