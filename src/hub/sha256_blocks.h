// The inner loop of SHA-256, for any processor and for those with instructions for it (SHA-NI),
// which are some five times faster.
#pragma once

#include <cstddef>
#include <cstdint>

namespace accel::hub {

// Takes `blocks` blocks of 64 bytes into the eight words of `state`.
using Sha256Blocks = void (*)(uint32_t* state, const unsigned char* bytes, size_t blocks);

void sha256_blocks_plain(uint32_t* state, const unsigned char* bytes, size_t blocks);

// Null where the processor has none.
Sha256Blocks sha256_blocks_fast();

// K of FIPS 180-4, 4.2.2.
extern const uint32_t kSha256Rounds[64];

}  // namespace accel::hub
