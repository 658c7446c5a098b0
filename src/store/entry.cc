#include "store/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "store/content_hash.h"
#include "store/hash.h"

namespace accel::store {
namespace {

constexpr std::string_view kMagic = "accelce1";
constexpr size_t kJsonSizeAt = 8;
constexpr size_t kBeginAt = 12;
constexpr size_t kBytesAt = 16;
constexpr size_t kDigestAt = 24;
constexpr size_t kSumAt = 56;
constexpr size_t kJsonAt = 88;
constexpr size_t kDigits = 32;
constexpr uint64_t kPage = 4096;

Status broken(std::string_view what, uint64_t offset) {
  return {StatusCode::kDataLoss, fmt::format("cache entry: {} (at byte {})", what, offset), offset};
}

template <class T>
void put(std::string& text, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
}

template <class T>
T number_at(std::string_view text, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(text[at + i])) << 8 * i);
  }
  return value;
}

std::string sum_of(std::string_view header) {
  Fingerprinter print;
  print.add(header.substr(0, kSumAt));
  print.add(header.substr(kJsonAt));
  return print.digits();
}

// A text that JSON can carry, cut where it is too long.
std::string mended(std::string_view text) {
  return repair_utf8(text.substr(0, EntryHeader::kLabelMax)).text;
}

bool read_text(const Json& json, const char* name, std::string& text) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return false;
  text = found->get<std::string>();
  return true;
}

bool read_parts(const Json& json, CacheKey& key) {
  const auto parts = json.find("parts");
  if (parts == json.end() || !parts->is_array() || parts->size() > CacheKey::kPartsMax) {
    return false;
  }
  for (const Json& part : *parts) {
    if (!part.is_array() || part.size() != 2 || !part[0].is_string() || !part[1].is_string()) {
      return false;
    }
    key.add(part[0].get_ref<const std::string&>(), part[1].get_ref<const std::string&>());
  }
  return true;
}

Status read_json_into(std::string_view text, EntryHeader& header) {
  ACCEL_ASSIGN(const Json json, parse_json(text));
  const bool object = json.is_object();
  const auto made = object ? json.find("made_s") : json.end();
  const bool whole = object && read_text(json, "kind", header.key.kind) &&
                     read_parts(json, header.key) && read_text(json, "label", header.label) &&
                     read_text(json, "note", header.note) && made != json.end() &&
                     made->is_number_integer();
  if (!whole) return broken("expected a kind, parts, label, note and time in its JSON", kJsonAt);
  header.made_s = made->get<int64_t>();
  return header.key.check();
}

}  // namespace

std::string encode_entry_header(EntryHeader& header) {
  const Json json{{"kind", header.key.kind},
                  {"parts", header.key.parts},
                  {"label", mended(header.label)},
                  {"note", mended(header.note)},
                  {"made_s", header.made_s}};
  const std::string text = json.dump();
  const uint64_t end = kJsonAt + text.size();
  header.payload_begin = (end + kPage - 1) / kPage * kPage;
  std::string bytes(kMagic);
  put(bytes, static_cast<uint32_t>(text.size()));
  put(bytes, static_cast<uint32_t>(header.payload_begin));
  put(bytes, header.payload_bytes);
  bytes += header.payload_digest;
  bytes.append(kDigits, '0');
  bytes += text;
  bytes.resize(header.payload_begin, '\0');
  bytes.replace(kSumAt, kDigits, sum_of(bytes));
  return bytes;
}

Result<EntryHeader> parse_entry_header(std::span<const std::byte> file, uint64_t file_bytes) {
  const std::string_view all(reinterpret_cast<const char*>(file.data()), file.size());
  if (all.size() < kJsonAt || !all.starts_with(kMagic)) {
    return broken("expected one of this version, found something else", 0);
  }
  EntryHeader header;
  const auto json_bytes = number_at<uint32_t>(all, kJsonSizeAt);
  header.payload_begin = number_at<uint32_t>(all, kBeginAt);
  header.payload_bytes = number_at<uint64_t>(all, kBytesAt);
  if (header.payload_begin > EntryHeader::kBytesMax || header.payload_begin > all.size() ||
      header.payload_begin < kJsonAt || header.payload_begin % kPage != 0 ||
      json_bytes > header.payload_begin - kJsonAt) {
    return broken("its header is cut off or of an impossible size", kJsonSizeAt);
  }
  if (file_bytes < header.payload_begin ||
      header.payload_bytes != file_bytes - header.payload_begin) {
    return broken(fmt::format("expected {} bytes of payload, found a file of {} bytes",
                              header.payload_bytes, file_bytes),
                  kBytesAt);
  }
  const std::string_view bytes = all.substr(0, header.payload_begin);
  if (sum_of(bytes) != bytes.substr(kSumAt, kDigits)) {
    return broken("its header does not have the checksum that it states", kSumAt);
  }
  header.payload_digest = bytes.substr(kDigestAt, kDigits);
  ACCEL_TRY(read_json_into(bytes.substr(kJsonAt, json_bytes), header));
  return header;
}

Result<std::span<const std::byte>> checked_payload(std::span<const std::byte> file,
                                                   const EntryHeader& header) {
  const auto payload = file.subspan(header.payload_begin);
  if (content_digest(payload) == header.payload_digest) return payload;
  return broken("its payload does not have the checksum that the header states",
                header.payload_begin);
}

}  // namespace accel::store
