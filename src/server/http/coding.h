// Bodies in gzip and deflate (RFC 9110, section 8.4.1). Pure, and safe on hostile bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::http {

enum class Coding { kIdentity, kGzip, kDeflate };

// Of a Content-Encoding header: "", "identity", "gzip", "x-gzip", "deflate" in any case. Nothing
// for others.
std::optional<Coding> parse_coding(std::string_view text);
std::string_view to_string(Coding coding);

// The best that an Accept-Encoding header allows, with its weights; gzip before deflate.
// kIdentity where nothing is said or everything else is refused.
Coding choose_coding(std::string_view accept_encoding);

// `bytes` decoded; deflate is taken with and without its zlib header, as clients send both.
// OUT_OF_RANGE when it grows beyond `limit` bytes, before memory for more is taken;
// INVALID_ARGUMENT for what is not that format, is cut off, or is followed by other bytes.
Result<std::string> decode(Coding coding, std::string_view bytes, uint64_t limit);

// Quickly rather than small.
std::string encode(Coding coding, std::string_view bytes);

}  // namespace accel::http
