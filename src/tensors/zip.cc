#include "tensors/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <tuple>

#include "base/try.h"
#include "tensors/file_name.h"
#include "tensors/shown.h"
#include "tensors/zip_format.h"

namespace accel::tensors {
namespace {

using Bytes = std::span<const std::byte>;
using F = ZipFormat;

Status broken_zip(std::string message, uint64_t offset) {
  return {StatusCode::kDataLoss, fmt::format("ZIP archive: {} (at byte {})", message, offset),
          offset};
}

// Where the directory lies, from the record at the end.
struct Directory {
  uint64_t begin = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

// Begin of the end record: the last one whose comment reaches exactly to the end of the archive.
std::optional<uint64_t> find_end(Bytes bytes) {
  if (bytes.size() < F::kEndBytes) return std::nullopt;
  const uint64_t last = bytes.size() - F::kEndBytes;
  const uint64_t first = last - std::min<uint64_t>(last, std::numeric_limits<uint16_t>::max());
  for (uint64_t at = last + 1; at-- > first;) {
    if (zip_number<uint32_t>(bytes, at) != F::kEnd) continue;
    if (zip_number<uint16_t>(bytes, at + 20) == last - at) return at;
  }
  return std::nullopt;
}

// Reads the ZIP64 end record that the locator before `end` points to; moves `end` to its begin.
Status read_end64(Bytes bytes, uint64_t& end, Directory& directory) {
  const uint64_t locator = end - F::kLocator64Bytes;
  const uint64_t at = zip_number<uint64_t>(bytes, locator + 8);
  if (zip_number<uint32_t>(bytes, locator + 16) > 1) {
    return unimplemented("ZIP archive: archives in several parts are not supported");
  }
  if (at > locator || locator - at < F::kEnd64Bytes ||
      zip_number<uint32_t>(bytes, at) != F::kEnd64) {
    return broken_zip(fmt::format("expected a ZIP64 end record at byte {}, found none", at),
                      locator);
  }
  directory.entries = zip_number<uint64_t>(bytes, at + 32);
  directory.size = zip_number<uint64_t>(bytes, at + 40);
  directory.begin = zip_number<uint64_t>(bytes, at + 48);
  end = at;
  return {};
}

Result<Directory> find_directory(Bytes bytes) {
  const std::optional<uint64_t> found = find_end(bytes);
  if (!found) {
    return broken_zip(
        "expected an end record, found none: this is no ZIP archive, or it is truncated",
        bytes.size());
  }
  uint64_t end = *found;
  const uint16_t disk = zip_number<uint16_t>(bytes, end + 4);
  Directory directory;
  directory.entries = zip_number<uint16_t>(bytes, end + 10);
  directory.size = zip_number<uint32_t>(bytes, end + 12);
  directory.begin = zip_number<uint32_t>(bytes, end + 16);
  if (end >= F::kLocator64Bytes &&
      zip_number<uint32_t>(bytes, end - F::kLocator64Bytes) == F::kLocator64) {
    ACCEL_TRY(read_end64(bytes, end, directory));
  } else if (disk != 0) {
    return unimplemented("ZIP archive: archives in several parts are not supported");
  }
  if (directory.begin > end || directory.size != end - directory.begin) {
    return broken_zip(
        fmt::format("expected the directory to end where its end record starts, found "
                    "{} bytes from byte {}",
                    directory.size, directory.begin),
        end);
  }
  return directory;
}

// One record of the directory while it is read.
struct Record {
  ZipEntry entry;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint64_t header_begin = 0;  // of the local header
};

// Replaces the sizes that did not fit 32 bits by those of the ZIP64 extra field.
Status read_extra64(Bytes extra, Record& record, uint64_t at) {
  std::vector<uint64_t*> missing;
  for (uint64_t* field : {&record.entry.size, &record.entry.packed_size, &record.header_begin}) {
    if (*field == F::kIn64Long) missing.push_back(field);
  }
  if (missing.empty()) return {};
  while (extra.size() >= 4) {
    const auto id = zip_number<uint16_t>(extra, 0);
    const size_t size = zip_number<uint16_t>(extra, 2);
    if (size > extra.size() - 4) break;
    if (id == F::kExtra64 && size >= 8 * missing.size()) {
      for (size_t i = 0; i < missing.size(); ++i) {
        *missing[i] = zip_number<uint64_t>(extra, 4 + 8 * i);
      }
      return {};
    }
    extra = extra.subspan(4 + size);
  }
  return broken_zip(
      fmt::format("entry {}: expected a ZIP64 extra field with {} number(s), found none",
                  shown(record.entry.name), missing.size()),
      at);
}

// Reads the record at the start of `rest`, and cuts it off.
Result<Record> read_record(Bytes& rest, uint64_t at) {
  if (rest.size() < F::kCentralBytes || zip_number<uint32_t>(rest, 0) != F::kCentral) {
    return broken_zip("expected a directory record, found something else", at);
  }
  Record record;
  record.flags = zip_number<uint16_t>(rest, 8);
  record.method = zip_number<uint16_t>(rest, 10);
  record.entry.crc32 = zip_number<uint32_t>(rest, 16);
  record.entry.packed_size = zip_number<uint32_t>(rest, 20);
  record.entry.size = zip_number<uint32_t>(rest, 24);
  const size_t name_size = zip_number<uint16_t>(rest, 28);
  const size_t extra_size = zip_number<uint16_t>(rest, 30);
  const size_t comment_size = zip_number<uint16_t>(rest, 32);
  record.header_begin = zip_number<uint32_t>(rest, 42);
  const size_t size = F::kCentralBytes + name_size + extra_size + comment_size;
  if (rest.size() < size) return broken_zip("expected a whole directory record, found its end", at);
  record.entry.name.assign(reinterpret_cast<const char*>(rest.data()) + F::kCentralBytes,
                           name_size);
  ACCEL_TRY(read_extra64(rest.subspan(F::kCentralBytes + name_size, extra_size), record, at));
  rest = rest.subspan(size);
  record.entry.deflated = record.method == 8;
  return record;
}

Status check_record(const Record& record, const ZipLimits& limits) {
  const ZipEntry& entry = record.entry;
  ACCEL_TRY(check_zip_name(entry.name));
  const auto named = [&] { return "ZIP archive: entry " + shown(entry.name); };
  if ((record.flags & F::kEncrypted) != 0) {
    return unimplemented(named() + " is encrypted; expected an archive without a password");
  }
  if (record.method != 0 && record.method != 8) {
    return unimplemented(fmt::format("{}: compression method {} is not supported; expected stored "
                                     "(0) or deflated (8)",
                                     named(), record.method));
  }
  if (!entry.deflated && entry.size != entry.packed_size) {
    return data_loss(fmt::format("{} is stored, but {} bytes of content take {} in the archive",
                                 named(), entry.size, entry.packed_size));
  }
  // The few bytes are for tiny entries, whose packed form has a fixed cost.
  constexpr uint64_t kSlack = 1024;
  if (entry.deflated && entry.size > kSlack &&
      (entry.size - kSlack) / std::max<uint64_t>(limits.ratio_max, 1) > entry.packed_size) {
    return resource_exhausted(fmt::format(
        "{} claims {} bytes from {} packed ones: expected at most {} times as many; it may be made "
        "to fill the memory",
        named(), entry.size, entry.packed_size, limits.ratio_max));
  }
  return {};
}

// Checks the local header against the directory and finds where the data begin.
Status read_local(Bytes bytes, uint64_t directory_begin, Record& record) {
  ZipEntry& entry = record.entry;
  const uint64_t at = record.header_begin;
  const auto lies = [&](std::string_view what) {
    return broken_zip(fmt::format("entry {}: {}", shown(entry.name), what), at);
  };
  if (at > directory_begin || directory_begin - at < F::kLocalBytes ||
      zip_number<uint32_t>(bytes, at) != F::kLocal) {
    return lies("expected a local header, found none");
  }
  const Bytes header = bytes.subspan(at, directory_begin - at);
  const auto flags = zip_number<uint16_t>(header, 6);
  const size_t name_size = zip_number<uint16_t>(header, 26);
  const size_t size = F::kLocalBytes + name_size + zip_number<uint16_t>(header, 28);
  if (size > header.size() || entry.packed_size > header.size() - size) {
    return lies("its data reach beyond the start of the directory");
  }
  const std::string_view name(reinterpret_cast<const char*>(header.data()) + F::kLocalBytes,
                              name_size);
  if (name != entry.name) return lies("the local header has another name, " + shown(name));
  if (zip_number<uint16_t>(header, 8) != record.method ||
      ((flags ^ record.flags) & F::kEncrypted) != 0) {
    return lies("the local header contradicts the directory");
  }
  const uint64_t packed_size = zip_number<uint32_t>(header, 18);
  if ((flags & F::kSizesFollow) == 0 && packed_size != F::kIn64Long &&
      packed_size != entry.packed_size) {
    return lies(fmt::format("the local header states {} packed bytes, the directory {}",
                            packed_size, entry.packed_size));
  }
  entry.data_begin = at + size;
  return {};
}

Status check_disjoint(std::vector<Record>& records) {
  std::ranges::sort(records, {}, [](const Record& record) {
    return std::tuple(record.header_begin, record.entry.data_begin);
  });
  for (size_t i = 1; i < records.size(); ++i) {
    const ZipEntry& before = records[i - 1].entry;
    if (records[i].header_begin >= before.data_begin + before.packed_size) continue;
    return broken_zip(fmt::format("the entries {} and {} overlap", shown(before.name),
                                  shown(records[i].entry.name)),
                      records[i].header_begin);
  }
  return {};
}

Status check_together(const std::vector<ZipEntry>& entries, const ZipLimits& limits) {
  uint64_t unpacked = 0;
  std::vector<std::string_view> names;
  for (const ZipEntry& entry : entries) {
    names.push_back(entry.name);
    if (!entry.deflated) continue;
    if (entry.size > limits.unpacked_bytes_max - unpacked) {
      return resource_exhausted(fmt::format(
          "ZIP archive: expected at most {} bytes after unpacking, found more at entry {}",
          limits.unpacked_bytes_max, shown(entry.name)));
    }
    unpacked += entry.size;
  }
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return {};
  return data_loss(fmt::format("ZIP archive: the entry {} occurs twice", shown(*twice)));
}

// Unpacks raw deflate data into exactly `out`. Whether it fits: the stream must end just there.
bool inflate_exactly(Bytes in, std::span<std::byte> out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  constexpr size_t kChunk = size_t{1} << 30;  // zlib counts in 32 bits
  int code = Z_OK;
  std::byte beyond{};  // gives the stream room to show that it holds too much
  bool overflowed = false;
  while (code == Z_OK) {
    const size_t in_chunk = std::min(in.size(), kChunk);
    const std::span<std::byte> target = out.empty() ? std::span(&beyond, 1) : out;
    const size_t out_chunk = std::min(target.size(), kChunk);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream.avail_in = static_cast<uInt>(in_chunk);
    stream.next_out = reinterpret_cast<Bytef*>(target.data());
    stream.avail_out = static_cast<uInt>(out_chunk);
    code = inflate(&stream, Z_NO_FLUSH);
    in = in.subspan(in_chunk - stream.avail_in);
    const size_t wrote = out_chunk - stream.avail_out;
    if (out.empty()) {
      overflowed = wrote > 0;
      if (overflowed) break;
    } else {
      out = out.subspan(wrote);
    }
  }
  inflateEnd(&stream);
  return code == Z_STREAM_END && !overflowed && out.empty() && in.empty();
}

Status resize(std::vector<std::byte>& memory, const ZipEntry& entry) {
  try {
    memory.resize(entry.size);
    return {};
  } catch (const std::bad_alloc&) {
    return resource_exhausted(fmt::format("ZIP archive: entry {}: no memory for its {} bytes",
                                          shown(entry.name), entry.size));
  }
}

}  // namespace

Status check_zip_name(std::string_view name) {
  return check_file_name(name).with_context("ZIP archive");
}

Result<std::vector<ZipEntry>> read_zip_directory(Bytes bytes, const ZipLimits& limits) {
  ACCEL_ASSIGN(const Directory directory, find_directory(bytes));
  if (directory.entries > directory.size / F::kCentralBytes) {
    return broken_zip(fmt::format("{} entries do not fit a directory of {} bytes",
                                  directory.entries, directory.size),
                      directory.begin);
  }
  Bytes rest = bytes.subspan(directory.begin, directory.size);
  std::vector<Record> records;
  std::vector<ZipEntry> entries;
  while (!rest.empty()) {
    const uint64_t at = directory.begin + directory.size - rest.size();
    ACCEL_ASSIGN(Record record, read_record(rest, at));
    ACCEL_TRY(check_record(record, limits));
    ACCEL_TRY(read_local(bytes, directory.begin, record));
    entries.push_back(record.entry);
    records.push_back(std::move(record));
  }
  if (records.size() != directory.entries) {
    return broken_zip(
        fmt::format("expected {} directory records, found {}", directory.entries, records.size()),
        directory.begin);
  }
  ACCEL_TRY(check_disjoint(records));
  ACCEL_TRY(check_together(entries, limits));
  return entries;
}

Bytes packed_bytes(Bytes archive, const ZipEntry& entry) {
  return archive.subspan(entry.data_begin, entry.packed_size);
}

Result<Bytes> read_zip_entry(Bytes archive, const ZipEntry& entry, std::vector<std::byte>& memory) {
  Bytes content = packed_bytes(archive, entry);
  if (entry.deflated) {
    ACCEL_TRY(resize(memory, entry));
    if (!inflate_exactly(content, memory)) {
      return data_loss(fmt::format("ZIP archive: entry {}: its packed data are damaged, or do not "
                                   "unpack to the {} bytes that the directory states",
                                   shown(entry.name), entry.size));
    }
    content = memory;
  }
  const auto sum = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  if (sum != entry.crc32) {
    return data_loss(fmt::format("ZIP archive: entry {}: expected the checksum {:08x}, found "
                                 "{:08x}: the archive is damaged; fetch it again",
                                 shown(entry.name), entry.crc32, sum));
  }
  return content;
}

}  // namespace accel::tensors
