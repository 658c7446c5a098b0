#include <zlib.h>

#include <algorithm>

#include "base/try.h"
#include "tensors/zip.h"
#include "tensors/zip_format.h"

namespace accel::tensors {
namespace {

using F = ZipFormat;

constexpr uint64_t kDataAlignment = 64;
constexpr uint16_t kVersion = 45;                          // that of ZIP64
constexpr uint16_t kMadeBy = 3 << 8 | kVersion;            // Unix, so that names are not recoded
constexpr uint32_t kAttributes = uint32_t{0100644} << 16;  // a regular file, rw-r--r--
constexpr uint16_t kMidnight = 0;
constexpr uint16_t kFirstDay = 0x21;     // 1980-01-01: the same tensors give the same bytes
constexpr uint16_t kPaddingId = 0x4246;  // "FB", the padding that PyTorch writes

// The fields from "version needed" to the sizes, which local and central headers share.
void put_shared(std::string& text, uint32_t crc, uint64_t size, bool large) {
  put_zip_number(text, kVersion);
  put_zip_number(text, F::kUtf8);
  put_zip_number(text, uint16_t{0});  // stored
  put_zip_number(text, kMidnight);
  put_zip_number(text, kFirstDay);
  put_zip_number(text, crc);
  const uint32_t shown_size = large ? F::kIn64Long : static_cast<uint32_t>(size);
  put_zip_number(text, shown_size);
  put_zip_number(text, shown_size);
}

}  // namespace

Status ZipWriter::add(std::string_view name, std::span<const std::string_view> parts) {
  ACCEL_TRY(check_zip_name(name));
  // The local header counts the name and the padding in 16 bits.
  if (name.size() > 0xFF00) {
    return invalid_argument("ZIP archive: expected a name of at most 65280 bytes, found " +
                            std::to_string(name.size()));
  }
  Written entry{.name = std::string(name), .crc32 = 0, .size = 0, .header_begin = file_.written()};
  for (const std::string_view part : parts) {
    if (part.empty()) continue;  // zlib takes a null pointer as a wish to start anew
    entry.size += part.size();
    entry.crc32 = static_cast<uint32_t>(
        crc32_z(entry.crc32, reinterpret_cast<const Bytef*>(part.data()), part.size()));
  }
  const bool large = entry.size >= zip64_from_;
  std::string extra;
  if (large) {
    put_zip_number(extra, F::kExtra64);
    put_zip_number(extra, uint16_t{16});
    put_zip_number(extra, entry.size);
    put_zip_number(extra, entry.size);
  }
  constexpr size_t kExtraHeader = 4;
  const uint64_t unpadded =
      entry.header_begin + F::kLocalBytes + name.size() + extra.size() + kExtraHeader;
  const uint64_t padding = (kDataAlignment - unpadded % kDataAlignment) % kDataAlignment;
  put_zip_number(extra, kPaddingId);
  put_zip_number(extra, static_cast<uint16_t>(padding));
  extra.append(padding, '\0');

  std::string header;
  put_zip_number(header, F::kLocal);
  put_shared(header, entry.crc32, entry.size, large);
  put_zip_number(header, static_cast<uint16_t>(name.size()));
  put_zip_number(header, static_cast<uint16_t>(extra.size()));
  ACCEL_TRY(file_.write(header));
  ACCEL_TRY(file_.write(name));
  ACCEL_TRY(file_.write(extra));
  for (const std::string_view part : parts) ACCEL_TRY(file_.write(part));
  entries_.push_back(std::move(entry));
  return {};
}

Status ZipWriter::finish() {
  const uint64_t begin = file_.written();
  std::string text;
  for (const Written& entry : entries_) {
    const bool large = entry.size >= zip64_from_;
    const bool far = entry.header_begin >= zip64_from_;
    std::string extra;
    if (large || far) {
      put_zip_number(extra, F::kExtra64);
      put_zip_number(extra, static_cast<uint16_t>((large ? 16 : 0) + (far ? 8 : 0)));
      if (large) {
        put_zip_number(extra, entry.size);
        put_zip_number(extra, entry.size);
      }
      if (far) put_zip_number(extra, entry.header_begin);
    }
    put_zip_number(text, F::kCentral);
    put_zip_number(text, kMadeBy);
    put_shared(text, entry.crc32, entry.size, large);
    put_zip_number(text, static_cast<uint16_t>(entry.name.size()));
    put_zip_number(text, static_cast<uint16_t>(extra.size()));
    text.append(2 + 2 + 2, '\0');  // comment, disk, internal attributes
    put_zip_number(text, kAttributes);
    put_zip_number(text, far ? F::kIn64Long : static_cast<uint32_t>(entry.header_begin));
    text += entry.name + extra;
  }
  const uint64_t size = text.size();
  const uint64_t count = entries_.size();
  const bool large = std::max(begin, size) >= zip64_from_ || count >= F::kIn64;
  if (large) {
    put_zip_number(text, F::kEnd64);
    put_zip_number(text, uint64_t{F::kEnd64Bytes - 12});
    put_zip_number(text, kVersion);
    put_zip_number(text, kVersion);
    text.append(4 + 4, '\0');  // disks
    put_zip_number(text, count);
    put_zip_number(text, count);
    put_zip_number(text, size);
    put_zip_number(text, begin);
    put_zip_number(text, F::kLocator64);
    put_zip_number(text, uint32_t{0});
    put_zip_number(text, begin + size);
    put_zip_number(text, uint32_t{1});
  }
  put_zip_number(text, F::kEnd);
  text.append(2 + 2, '\0');  // disks
  const uint16_t shown_count = large ? F::kIn64 : static_cast<uint16_t>(count);
  put_zip_number(text, shown_count);
  put_zip_number(text, shown_count);
  put_zip_number(text, large ? F::kIn64Long : static_cast<uint32_t>(size));
  put_zip_number(text, large ? F::kIn64Long : static_cast<uint32_t>(begin));
  put_zip_number(text, uint16_t{0});  // comment
  return file_.write(text);
}

}  // namespace accel::tensors
