// The image formats: one file of this folder each, and one line each in the list of decode.cc.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "image/decode.h"
#include "image/image.h"

namespace accel::image {

using Bytes = std::span<const std::byte>;

struct Decoded {
  Image image;
  int orientation = 1;  // of EXIF or XMP, not yet applied; see orientation.h
};

struct Format {
  std::string_view name;
  bool (*recognises)(Bytes file);  // looks at the first bytes; any length
  Result<Decoded> (*decode)(Bytes file, const DecodeLimits& limits);
};

bool is_bmp(Bytes file);
bool is_gif(Bytes file);
bool is_jpeg(Bytes file);
bool is_png(Bytes file);
bool is_webp(Bytes file);
Result<Decoded> decode_bmp(Bytes file, const DecodeLimits& limits);
Result<Decoded> decode_gif(Bytes file, const DecodeLimits& limits);
Result<Decoded> decode_jpeg(Bytes file, const DecodeLimits& limits);
Result<Decoded> decode_png(Bytes file, const DecodeLimits& limits);
Result<Decoded> decode_webp(Bytes file, const DecodeLimits& limits);

// A size that a header states, as an allowed Size. DATA_LOSS for zero, RESOURCE_EXHAUSTED past the
// limits.
Result<Size> check_size(uint64_t width, uint64_t height, const DecodeLimits& limits);

// DATA_LOSS for a file that ends before what was expected ("the rest of the header") is complete.
Status ends_early(Bytes file, std::string_view expected);

// Whether `file` has the characters of `magic` at `at`.
bool has_at(Bytes file, size_t at, std::string_view magic);

// `bytes` as characters.
inline std::string_view chars(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace accel::image
