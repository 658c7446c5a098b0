#include "image/mixing_avx2.h"

#include "image/image.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace accel::image {
namespace {

constexpr int32_t kHalfWide = 1 << (kFractionBits - 1);

// These are asked for at run time, so only their own code may use the instructions.
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i half() {
  return _mm256_set1_epi32(kHalfWide);
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i added(__m256i sums,
                                                                 const uint8_t* values,
                                                                 __m256i weight) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values));
  return _mm256_add_epi32(sums, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(bytes), weight));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void store(__m256i sums, uint8_t* to) {
  const __m256i whole = _mm256_srai_epi32(sums, kFractionBits);
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
}

[[gnu::target("avx2")]] void mix_pixels_avx2(const uint8_t* block, const Coefficients& across,
                                             uint8_t* to) {
  constexpr size_t kPixel = kChannels * kLanes;
  const size_t count = across.taps.size();
  for (size_t x = 0; x < count; ++x, to += kPixel) {
    const uint8_t* from = block + static_cast<size_t>(across.taps[x].first) * kPixel;
    const int32_t* weights = across.weights.data() + x * across.stride;
    const int taps = across.taps[x].count;
    __m256i red = half();
    __m256i green = red;
    __m256i blue = red;
    for (int i = 0; i < taps; ++i, from += kPixel) {
      const __m256i weight = _mm256_set1_epi32(weights[i]);
      red = added(red, from, weight);
      green = added(green, from + kLanes, weight);
      blue = added(blue, from + 2 * kLanes, weight);
    }
    store(red, to);
    store(green, to + kLanes);
    store(blue, to + 2 * kLanes);
  }
}

[[gnu::target("avx2")]] void mix_rows_avx2(const uint8_t* from, size_t stride,
                                           std::span<const int32_t> weights, uint8_t* to) {
  static_assert(Mixing::kColumns == 4);
  __m256i first = half();
  __m256i second = first;
  __m256i third = first;
  __m256i fourth = first;
  for (size_t i = 0; i < weights.size(); ++i, from += stride) {
    const __m256i weight = _mm256_set1_epi32(weights[i]);
    first = added(first, from, weight);
    second = added(second, from + kLanes, weight);
    third = added(third, from + 2 * kLanes, weight);
    fourth = added(fourth, from + 3 * kLanes, weight);
  }
  store(first, to);
  store(second, to + kLanes);
  store(third, to + 2 * kLanes);
  store(fourth, to + 3 * kLanes);
}

constexpr Mixing kAvx2Mixing{mix_pixels_avx2, mix_rows_avx2};

}  // namespace

const Mixing* avx2_mixing() { return __builtin_cpu_supports("avx2") != 0 ? &kAvx2Mixing : nullptr; }

}  // namespace accel::image
#else
namespace accel::image {
const Mixing* avx2_mixing() { return nullptr; }
}  // namespace accel::image
#endif
