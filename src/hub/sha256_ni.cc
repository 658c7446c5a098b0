// Intel's and AMD's instructions for SHA-256: "Intel SHA Extensions", Gulley et al., 2013. Two
// registers hold the state as ABEF and CDGH; an instruction does two rounds.
#include "hub/sha256_blocks.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "hardware/cpuid.h"

namespace accel::hub {
namespace {

constexpr uint32_t kSse41Bit = 1u << 19;  // of leaf 1's ecx
constexpr uint32_t kShaBit = 1u << 29;    // of leaf 7's ebx

// These are asked for at run time, so only this function may use the instructions.
[[gnu::target("sha,sse4.1")]] void sha256_blocks_ni(uint32_t* state, const unsigned char* bytes,
                                                    size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  auto* words = reinterpret_cast<__m128i*>(state);
  const auto* rounds = reinterpret_cast<const __m128i*>(kSha256Rounds);
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; blocks > 0; --blocks, bytes += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i w[16];
    for (int i = 0; i < 16; ++i) {
      if (i < 4) {
        const auto* at = reinterpret_cast<const __m128i*>(bytes) + i;
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128(at), swap);
      } else {
        const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i - 4], w[i - 3]),
                                          _mm_alignr_epi8(w[i - 1], w[i - 2], 4));
        w[i] = _mm_sha256msg2_epu32(sum, w[i - 1]);
      }
      const __m128i added = _mm_add_epi32(w[i], _mm_loadu_si128(rounds + i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, added);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(added, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace

Sha256Blocks sha256_blocks_fast() {
  const hardware::CpuidRegisters cpu = hardware::read_cpuid();
  const bool known = (cpu.leaf1_ecx & kSse41Bit) != 0 && (cpu.leaf7_ebx & kShaBit) != 0;
  return known ? sha256_blocks_ni : nullptr;
}

}  // namespace accel::hub

#else

namespace accel::hub {

Sha256Blocks sha256_blocks_fast() { return nullptr; }

}  // namespace accel::hub

#endif
