// Eight numbers at a time: AVX2 and FMA. Included by the table's source alone.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "kernels/gelu_table.h"
#include "kernels/kernel_table.h"

namespace accel::kernels {

// See loops.h.
struct LanesAvx2 {
  using Lanes = __m256;
  using Mask = __m256i;

  static constexpr Operand kOperand = Operand::kF32;
  static constexpr int64_t kLanes = 8;
  // 12 of 16 registers of results, two of weights, one of x.
  static constexpr int kPanelVectors = 2;

  static Lanes all(float value) { return _mm256_set1_ps(value); }

  static Mask first(int64_t count) {
    const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const int most = count > kLanes ? static_cast<int>(kLanes) : static_cast<int>(count);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(most), place);
  }

  static Lanes load(const float* from) { return _mm256_loadu_ps(from); }
  static Lanes load(const float* from, Mask mask) { return _mm256_maskload_ps(from, mask); }
  static void store(float* to, Lanes x) { _mm256_storeu_ps(to, x); }
  static void store(float* to, Lanes x, Mask mask) { _mm256_maskstore_ps(to, mask, x); }
  static Lanes choose(Mask mask, Lanes inside, Lanes outside) {
    return _mm256_blendv_ps(outside, inside, _mm256_castsi256_ps(mask));
  }

  static Lanes multiply_add(Lanes x, Lanes y, Lanes z) { return _mm256_fmadd_ps(x, y, z); }
  static Lanes multiply_add_operands(Lanes x, Lanes y, Lanes z) { return multiply_add(x, y, z); }
  static Lanes load_operands(const float* from, int64_t count) {
    return count >= kLanes ? load(from) : load(from, first(count));
  }
  static Lanes smaller(Lanes x, Lanes y) { return _mm256_min_ps(x, y); }
  static Lanes greater(Lanes x, Lanes y) { return _mm256_max_ps(x, y); }
  static Lanes absolute(Lanes x) { return _mm256_andnot_ps(all(-0.0F), x); }
  static Lanes nearest_integer(Lanes x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // By two factors, since one alone reaches neither the smallest numbers nor past the greatest.
  static Lanes times_power_of_two(Lanes x, Lanes n) {
    const __m256i power = _mm256_cvtps_epi32(greater(all(-252), smaller(all(254), n)));
    const __m256i half = _mm256_srai_epi32(power, 1);
    const auto factor = [](__m256i exponent) {
      const __m256i biased = _mm256_add_epi32(exponent, _mm256_set1_epi32(127));
      return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
    };
    return x * factor(half) * factor(_mm256_sub_epi32(power, half));
  }
  static float sum(Lanes x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float greatest(Lanes x) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

  // Of sixteen intervals each half is looked up, and the fourth bit chooses.
  class GeluInterval {
   public:
    explicit GeluInterval(Lanes at)
        : interval_(_mm256_cvttps_epi32(at)),
          upper_(_mm256_castsi256_ps(_mm256_slli_epi32(interval_, 28))) {}
    Lanes coefficient(int power) const {
      const float* table = kGeluTable[power];
      return _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_load_ps(table), interval_),
                              _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), interval_),
                              upper_);
    }

   private:
    __m256i interval_;
    Lanes upper_;
  };
  static Lanes below_one(Lanes x) { return x - _mm256_floor_ps(x); }

  static void transpose(Lanes (&rows)[kLanes]) {
    Lanes pairs[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      rows[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
      rows[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xEE);
      rows[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
      rows[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      pairs[i] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
      pairs[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) rows[i] = pairs[i];
  }
};

}  // namespace accel::kernels
