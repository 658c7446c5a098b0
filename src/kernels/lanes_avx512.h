// Sixteen numbers at a time: AVX-512 F, DQ and VL. Included by the table's source alone.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "kernels/gelu_table.h"
#include "kernels/kernel_table.h"

namespace accel::kernels {

// See loops.h.
struct LanesAvx512 {
  using Lanes = __m512;
  using Mask = __mmask16;

  static constexpr Operand kOperand = Operand::kF32;
  static constexpr int64_t kLanes = 16;
  // 24 of 32 registers of results: the shape with the fewest instructions for each multiply-add,
  // because two hyperthreads share the decoder (docs/performance.md, "The inner loop").
  static constexpr int kPanelVectors = 4;

  static Lanes all(float value) { return _mm512_set1_ps(value); }

  static Mask first(int64_t count) {
    if (count >= kLanes) return 0xFFFF;
    return count <= 0 ? 0 : static_cast<Mask>((1U << count) - 1);
  }

  static Lanes load(const float* from) { return _mm512_loadu_ps(from); }
  static Lanes load(const float* from, Mask mask) { return _mm512_maskz_loadu_ps(mask, from); }
  static void store(float* to, Lanes x) { _mm512_storeu_ps(to, x); }
  static void store(float* to, Lanes x, Mask mask) { _mm512_mask_storeu_ps(to, mask, x); }
  static Lanes choose(Mask mask, Lanes inside, Lanes outside) {
    return _mm512_mask_mov_ps(outside, mask, inside);
  }

  static Lanes multiply_add(Lanes x, Lanes y, Lanes z) { return _mm512_fmadd_ps(x, y, z); }
  static Lanes multiply_add_operands(Lanes x, Lanes y, Lanes z) { return multiply_add(x, y, z); }
  static Lanes load_operands(const float* from, int64_t count) {
    return count >= kLanes ? load(from) : load(from, first(count));
  }
  static Lanes smaller(Lanes x, Lanes y) { return _mm512_min_ps(x, y); }
  static Lanes greater(Lanes x, Lanes y) { return _mm512_max_ps(x, y); }
  static Lanes absolute(Lanes x) { return _mm512_abs_ps(x); }
  static Lanes nearest_integer(Lanes x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Lanes times_power_of_two(Lanes x, Lanes n) { return _mm512_scalef_ps(x, n); }
  static float sum(Lanes x) { return _mm512_reduce_add_ps(x); }
  static float greatest(Lanes x) { return _mm512_reduce_max_ps(x); }

  class GeluInterval {
   public:
    explicit GeluInterval(Lanes at) : interval_(_mm512_cvttps_epi32(at)) {}
    Lanes coefficient(int power) const {
      return _mm512_permutexvar_ps(interval_, _mm512_load_ps(kGeluTable[power]));
    }

   private:
    __m512i interval_;
  };
  static Lanes below_one(Lanes x) {
    return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }

  static void transpose(Lanes (&rows)[kLanes]) {
    Lanes pairs[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      const auto join = [&](int a, int b, bool high) {
        const __m512d x = _mm512_castps_pd(pairs[i + a]);
        const __m512d y = _mm512_castps_pd(pairs[i + b]);
        return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
      };
      rows[i] = join(0, 2, false);
      rows[i + 1] = join(0, 2, true);
      rows[i + 2] = join(1, 3, false);
      rows[i + 3] = join(1, 3, true);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Lanes a = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
      const Lanes b = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
      const Lanes c = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
      const Lanes d = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
      pairs[i] = _mm512_shuffle_f32x4(a, c, 0x88);
      pairs[i + 8] = _mm512_shuffle_f32x4(a, c, 0xDD);
      pairs[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
      pairs[i + 12] = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) rows[i] = pairs[i];
  }
};

}  // namespace accel::kernels
