// AVX-512 with products of bf16 pairs: VDPBF16PS does twice the multiply-adds of an f32
// instruction. Included by the table's source alone.
#pragma once

#include "kernels/lanes_avx512.h"

namespace accel::kernels {

// See loops.h.
struct LanesAvx512Bf16 : LanesAvx512 {
  static constexpr Operand kOperand = Operand::kBF16Pair;

  static Lanes multiply_add_pairs(Lanes x, Lanes y, Lanes z) {
    return _mm512_dpbf16_ps(z, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(y));
  }

  static void to_pairs(const float* from, float* to, int64_t count) {
    int64_t i = 0;
    for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
      store(to + i / 2, pairs(load(from + i), load(from + i + kLanes)));
    }
    if (i == count) return;
    const Lanes low = load(from + i, first(count - i));
    const Lanes high = load(from + i + kLanes, first(count - i - kLanes));
    store(to + i / 2, pairs(low, high), first((count - i + 1) / 2));
  }

 private:
  static Lanes pairs(Lanes low, Lanes high) {
    return reinterpret_cast<Lanes>(_mm512_cvtne2ps_pbh(high, low));
  }
};

}  // namespace accel::kernels
