// Numbers of bytes as people write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "accel/status.h"

namespace accel {

// "4096", "500M", "20G", "4GiB": bytes, or with K, M, G, T times 1024 each. INVALID_ARGUMENT, also
// for "GB", of which nobody knows how many it means.
Result<uint64_t> parse_size(std::string_view text);

}  // namespace accel
