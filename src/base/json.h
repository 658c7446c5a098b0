// JSON at the rim: parsing hostile text into nlohmann values with a bounded depth, and reading
// typed fields out of an object with errors that name the field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel {

using Json = nlohmann::json;

// At most 64 levels deep. INVALID_ARGUMENT with the byte offset of the first error.
Result<Json> parse_json(std::string_view text);

// Reads and parses a file of at most `limit` bytes; errors name the file.
Result<Json> read_json(const std::filesystem::path& path, uint64_t limit = 64ull << 20);

// `text` as a JSON string literal with its quotes; invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace accel
