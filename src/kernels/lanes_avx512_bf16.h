// AVX-512 with products of bf16 pairs: VDPBF16PS has twice the multiply-adds of an f32 instruction.
// Included by the table's source alone.
#pragma once

#include "kernels/lanes_avx512.h"

namespace accel::kernels {

// See loops.h.
struct LanesAvx512Bf16 : LanesAvx512 {
  static constexpr Operand kOperand = Operand::kBF16Pair;

  static Lanes multiply_add_operands(Lanes x, Lanes y, Lanes z) {
    // Clang 16 dies of the intrinsic function where x is one number everywhere.
    asm("vdpbf16ps %2, %1, %0" : "+v"(z) : "v"(x), "v"(y));
    return z;
  }

  static Lanes load_operands(const float* from, int64_t count) {
    if (count >= 2 * kLanes) return rounded(load(from), load(from + kLanes));
    return rounded(load(from, first(count)), load(from + kLanes, first(count - kLanes)));
  }

  static Lanes paired(Lanes x, Lanes y) {
    const __m512i halves = reinterpret_cast<__m512i>(rounded(x, y));
    return reinterpret_cast<Lanes>(_mm512_permutexvar_epi16(interleaving(), halves));
  }

 private:
  // Sixteen numbers and sixteen more, one after another.
  static Lanes rounded(Lanes x, Lanes y) {
    return reinterpret_cast<Lanes>(_mm512_cvtne2ps_pbh(y, x));
  }

  // 0, 16, 1, 17, ...
  static __m512i interleaving() {
    const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(16));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
  }
};

}  // namespace accel::kernels
