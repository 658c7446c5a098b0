#include "image/formats/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/formats/formats.h"
#include "image/formats/numbers.h"
#include "image/orientation.h"

namespace accel::image {
namespace {

constexpr size_t kTextBytesMax = size_t{1} << 20;  // after unpacking
constexpr std::string_view kRawExif = "Raw profile type exif";
constexpr std::string_view kXmp = "XML:com.adobe.xmp";

// What matters of the metadata. Of each text the first one counts, be it damaged: unpacking all of
// them could take long.
struct Metadata {
  Bytes exif;
  std::optional<std::string> raw_exif;
  std::optional<std::string> xmp;
};

std::string unpacked(std::string_view packed) {
  std::string text(kTextBytesMax, '\0');
  uLongf size = text.size();
  const int code = uncompress(reinterpret_cast<Bytef*>(text.data()), &size,
                              reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  text.resize(code == Z_OK ? size : 0);
  return text;
}

// Cuts off what lies before the first zero byte, and the zero byte.
std::string_view cut(std::string_view& text) {
  const std::string_view head = text.substr(0, text.find('\0'));
  text.remove_prefix(std::min(text.size(), head.size() + 1));
  return head;
}

// The text of a chunk tEXt, zTXt or iTXt whose keyword has been cut off.
std::string text_of(std::string_view type, std::string_view rest) {
  if (type == "tEXt") return std::string(rest);
  bool packed = true;
  if (type == "iTXt") {
    if (rest.size() < 2) return {};
    packed = rest[0] != 0;
    rest.remove_prefix(2);  // whether packed, and how
    cut(rest);              // language
    cut(rest);              // the keyword in that language
  } else if (!rest.empty()) {
    rest.remove_prefix(1);  // how packed
  }
  return packed ? unpacked(rest) : std::string(rest);
}

void take_text(std::string_view type, std::string_view content, Metadata& metadata) {
  const std::string_view keyword = cut(content);
  if (keyword == kRawExif && !metadata.raw_exif) {
    metadata.raw_exif = text_of(type, content);
  } else if (keyword == kXmp && type == "iTXt" && !metadata.xmp) {
    metadata.xmp = text_of(type, content);
  }
}

// "\nexif\n    NUMBER\nHEX\nHEX...": three lines, then bytes in hexadecimal.
std::vector<std::byte> bytes_of_hex(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    text.remove_prefix(std::min(text.size(), std::min(text.find('\n'), text.size() - 1) + 1));
  }
  std::vector<std::byte> bytes;
  int held = -1;
  for (const char c : text) {
    if (c == '\n') continue;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) break;
    if (held >= 0) bytes.push_back(static_cast<std::byte>(held * 16 + digit));
    held = held >= 0 ? -1 : digit;
  }
  return bytes;
}

}  // namespace

int png_orientation(Bytes file) {
  constexpr size_t kSignatureBytes = 8;
  constexpr size_t kAroundBytes = 12;  // length, type and checksum
  Metadata metadata;
  size_t at = kSignatureBytes;
  while (file.size() >= at + kAroundBytes) {
    const size_t length = big<uint32_t>(file, at);
    if (file.size() - at - kAroundBytes < length) break;
    const std::string_view type = chars(file.subspan(at + 4, 4));
    const Bytes content = file.subspan(at + 8, length);
    if (type == "eXIf") metadata.exif = content;
    if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      take_text(type, chars(content), metadata);
    }
    at += kAroundBytes + length;
  }
  const std::vector<std::byte> raw = bytes_of_hex(metadata.raw_exif.value_or(""));
  const std::optional<int> stated =
      exif_orientation(metadata.exif.empty() ? Bytes(raw) : metadata.exif);
  return (stated ? stated : xmp_orientation(metadata.xmp.value_or(""))).value_or(1);
}

}  // namespace accel::image
