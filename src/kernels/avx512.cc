// The table for AVX-512 F, DQ and VL.
//
// Matrix products after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
// (2008), with weights laid out once. A panel of 6 x 64 results stays in 24 registers while a
// column of x, one number at a time, meets a row of weights: 24 multiply-adds for ten loads. The
// shape is the one with the fewest instructions for each multiply-add, because two hyperthreads
// share the decoder (docs/performance.md, "The inner loop").
#include "kernels/avx512.h"

#include <immintrin.h>

#include "kernels/gelu_table.h"

namespace accel::kernels {
namespace {

using Lanes = __m512;

inline __mmask16 first_lanes(int64_t count) {
  if (count >= kLanes) return 0xFFFF;
  return count <= 0 ? 0 : static_cast<__mmask16>((1U << count) - 1);
}

// --- functions of sixteen numbers --------------------------------------------------------------

inline Lanes all(float value) { return _mm512_set1_ps(value); }

// Coefficients from the highest power down.
template <int kCount>
inline Lanes polynomial(Lanes x, const float (&coefficients)[kCount]) {
  Lanes sum = all(coefficients[0]);
  for (int i = 1; i < kCount; ++i) sum = _mm512_fmadd_ps(sum, x, all(coefficients[i]));
  return sum;
}

// 2^x within two units in the last place: 2^n * 2^r with |r| <= 1/2, 2^r by a polynomial through
// Chebyshev's nodes. Zero below the smallest number; a NaN stays one.
inline Lanes power_of_two(Lanes x) {
  constexpr float kSeries[] = {1.54531634e-4F,
                               1.33908633e-3F,
                               9.61808302e-3F,
                               5.55035695e-2F,
                               2.40226507e-1F,
                               6.93147182e-1F,
                               1.0F};
  const Lanes n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_scalef_ps(polynomial(_mm512_sub_ps(x, n), kSeries), n);
}

constexpr float kLog2E = 1.44269504F;

// e^x for x that is no further from zero than a few hundred: its error grows with x.
inline Lanes exponential(Lanes x) { return power_of_two(_mm512_mul_ps(x, all(kLog2E))); }

// GELU of the erf form, within half a unit in the last place of x: max(x, 0) less what a piecewise
// polynomial says of |x| (tools/fit_gelu.py). Looking coefficients up takes half of the time of the
// usual rational functions.
inline Lanes gelu_erf(Lanes x) {
  constexpr float kEnd = 15.9999990F;  // the last interval ends at zero
  const Lanes at =
      _mm512_min_ps(all(kEnd), _mm512_mul_ps(_mm512_abs_ps(x), all(kGeluIntervalsPerUnit)));
  const __m512i interval = _mm512_cvttps_epi32(at);
  const Lanes t = _mm512_reduce_ps(at, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const auto coefficient = [&](int power) {
    return _mm512_permutexvar_ps(interval, _mm512_load_ps(kGeluTable[power]));
  };
  Lanes sum = coefficient(5);
#pragma GCC unroll 5
  for (int power = 4; power >= 0; --power) sum = _mm512_fmadd_ps(sum, t, coefficient(power));
  return _mm512_sub_ps(_mm512_max_ps(all(0.0F), x), sum);
}

inline Lanes logistic(Lanes x) {
  // An infinite power would have no difference to its nearest integer.
  const Lanes power = _mm512_max_ps(all(-200.0F), _mm512_min_ps(all(200.0F), x));
  const Lanes small = exponential(_mm512_sub_ps(all(0.0F), power));
  return _mm512_div_ps(all(1.0F), _mm512_add_ps(all(1.0F), small));
}

template <Activation kActivation>
inline Lanes activated(Lanes x) {
  switch (kActivation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return _mm512_max_ps(all(0.0F), x);
    case Activation::kGeluErf: return gelu_erf(x);
    case Activation::kGeluTanh: {
      // 0.5 x (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
      const Lanes cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
      const Lanes sum = _mm512_fmadd_ps(cube, all(0.044715F), x);
      return _mm512_mul_ps(x, logistic(_mm512_mul_ps(sum, all(2 * 0.797884561F))));
    }
    case Activation::kSilu: return _mm512_mul_ps(x, logistic(x));
  }
  return x;
}

// --- one panel of results ----------------------------------------------------------------------

// out[r][c] = (bias[c] + start[r][c] + sum over k of a[r][k] b[k][c]) * factors[r], for kRows rows
// and kVectors * kLanes columns.
struct Panel {
  const float* a;
  int64_t a_stride;
  const float* b;
  int64_t b_stride;
  int64_t depth;
  const float* bias;   // null: zero
  const float* start;  // likewise
  int64_t start_stride;
  float* out;
  int64_t out_stride;
  const float* factors = nullptr;  // null: one
  const float* fetch = nullptr;    // what comes next: brought nearer, kFetch cache lines at each k
};

template <int kRows, int kVectors, int kFetch>
void multiply_panel(const Panel& panel) {
  Lanes sums[kRows][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] =
          panel.bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(panel.bias + v * kLanes);
    }
  }
  if (panel.start != nullptr) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Lanes start = _mm512_loadu_ps(panel.start + r * panel.start_stride + v * kLanes);
        sums[r][v] = _mm512_add_ps(sums[r][v], start);
      }
    }
  }
  // Three rows a pointer, reached by the address modes of a load.
  const int64_t stride = panel.a_stride;
  const float* a0 = panel.a;
  const float* a3 = a0 + 3 * stride;
  const float* b = panel.b;
  const int64_t b_stride = panel.b_stride;
  const float* fetch = panel.fetch;
  for (int64_t k = panel.depth; k > 0; --k) {
    Lanes row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) row[v] = _mm512_loadu_ps(b + v * kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < kFetch; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(fetch + i * kLanes), _MM_HINT_T1);
    }
    if (kFetch > 0) fetch += kFetch * kLanes;
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      // Named, not indexed as it is chosen: there GCC 12's overflow sanitizer computes the index
      // for the first choice only, and the second is read at that of an earlier r.
      const float* three = r < 3 ? a0 : a3;
      const Lanes spread = all(three[r % 3 * stride]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_fmadd_ps(spread, row[v], sums[r][v]);
    }
    b += b_stride;
    ++a0, ++a3;
    asm("" : "+r"(a0), "+r"(a3));  // or the compiler makes six pointers of them
  }
  if (panel.factors != nullptr) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const Lanes factor = all(panel.factors[r]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_mul_ps(sums[r][v], factor);
    }
  }
  float* out = panel.out;
  const int64_t out_stride = panel.out_stride;
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      _mm512_storeu_ps(out + r * out_stride + v * kLanes, sums[r][v]);
    }
  }
}

using PanelFunction = void (*)(const Panel&);

// For up to kPanelRows rows and a width of up to kPanelColumns, a multiple of kLanes.
template <int kFetch>
PanelFunction panel_function(int64_t rows, int64_t width) {
#define ACCEL_PANELS(rows)                                               \
  {                                                                      \
    multiply_panel<rows, 1, kFetch>, multiply_panel<rows, 2, kFetch>,    \
        multiply_panel<rows, 3, kFetch>, multiply_panel<rows, 4, kFetch> \
  }
  static constexpr PanelFunction kPanels[kPanelRows][kPanelColumns / kLanes] = {
      ACCEL_PANELS(1), ACCEL_PANELS(2), ACCEL_PANELS(3),
      ACCEL_PANELS(4), ACCEL_PANELS(5), ACCEL_PANELS(6)};
#undef ACCEL_PANELS
  return kPanels[rows - 1][width / kLanes - 1];
}

// Rows cut into panels whose sizes differ by one at most: a last panel of one row would cost nearly
// as much as a full one.
struct RowPanels {
  int64_t rows;
  int64_t count;
  explicit RowPanels(int64_t all_rows)
      : rows(all_rows), count((all_rows + kPanelRows - 1) / kPanelRows) {}
  int64_t begin(int64_t panel) const { return panel * rows / count; }
};

// --- layer normalisation -----------------------------------------------------------------------

// Sums f(c, lanes) over all columns c: four sums at a time, since each addition waits for the last.
template <class Function>
inline float sum_over(int64_t size, const Function& function) {
  Lanes sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                   _mm512_setzero_ps()};
  int64_t c = 0;
  for (; c + 4 * kLanes <= size; c += 4 * kLanes) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sums[i] = _mm512_add_ps(sums[i], function(c + i * kLanes, 0xFFFF));
  }
  for (; c < size; c += kLanes) {
    sums[0] = _mm512_add_ps(sums[0], function(c, first_lanes(size - c)));
  }
  return _mm512_reduce_add_ps(
      _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

void norm(const NormRows& rows) {
  const float per_size = 1.0F / static_cast<float>(rows.size);
  for (int64_t r = 0; r < rows.rows; ++r) {
    float* x = rows.x + r * rows.size;
    const auto value = [&](int64_t c, __mmask16 lanes) {
      return _mm512_maskz_loadu_ps(lanes, x + c);
    };
    const Lanes mean = all(sum_over(rows.size, value) * per_size);
    const float squares = sum_over(rows.size, [&](int64_t c, __mmask16 lanes) {
      const Lanes off = _mm512_maskz_sub_ps(lanes, value(c, lanes), mean);
      return _mm512_mul_ps(off, off);
    });
    const Lanes factor = all(1.0F / __builtin_sqrtf(squares * per_size + rows.epsilon));
    for (int64_t c = 0; c < rows.size; c += kLanes) {
      const __mmask16 lanes = first_lanes(rows.size - c);
      const Lanes unit = _mm512_mul_ps(_mm512_sub_ps(value(c, lanes), mean), factor);
      _mm512_mask_storeu_ps(x + c, lanes,
                            _mm512_fmadd_ps(unit, _mm512_maskz_loadu_ps(lanes, rows.gamma + c),
                                            _mm512_maskz_loadu_ps(lanes, rows.beta + c)));
    }
  }
}

// --- dense -------------------------------------------------------------------------------------

// A residual that no activation stands before is where the sums start.
bool starts_with_residual(const DenseBlock& block) {
  return block.residual != nullptr && block.activation == Activation::kNone;
}

// The activation and the residual, on columns whose sum is complete.
template <Activation kActivation>
void finish_rows(const DenseBlock& block, int64_t begin, int64_t end, int64_t column,
                 int64_t columns) {
  for (int64_t r = begin; r < end; ++r) {
    float* y = block.y + r * block.out + column;
    const float* residual =
        block.residual == nullptr ? nullptr : block.residual + r * block.out + column;
    int64_t c = 0;
    // Without masks: a masked load waits until what was stored last has reached the cache.
    for (; c + kLanes <= columns; c += kLanes) {
      Lanes value = activated<kActivation>(_mm512_loadu_ps(y + c));
      if (residual != nullptr) value = _mm512_add_ps(value, _mm512_loadu_ps(residual + c));
      _mm512_storeu_ps(y + c, value);
    }
    if (c < columns) {
      const __mmask16 lanes = first_lanes(columns - c);
      Lanes value = activated<kActivation>(_mm512_maskz_loadu_ps(lanes, y + c));
      if (residual != nullptr) {
        value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(lanes, residual + c));
      }
      _mm512_mask_storeu_ps(y + c, lanes, value);
    }
  }
}

using FinishFunction = void (*)(const DenseBlock&, int64_t, int64_t, int64_t, int64_t);

FinishFunction finish_function(const DenseBlock& block) {
  switch (block.activation) {
    case Activation::kNone: return nullptr;
    case Activation::kRelu: return finish_rows<Activation::kRelu>;
    case Activation::kGeluErf: return finish_rows<Activation::kGeluErf>;
    case Activation::kGeluTanh: return finish_rows<Activation::kGeluTanh>;
    case Activation::kSilu: return finish_rows<Activation::kSilu>;
  }
  return nullptr;
}

// The last panel when y is narrower than its whole vectors: computed beside y.
void multiply_narrow(const DenseBlock& block, PanelFunction multiply, Panel panel, int64_t rows,
                     int64_t columns) {
  alignas(64) float tile[kPanelRows * kPanelColumns];
  float* out = panel.out;
  if (panel.start != nullptr) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < kPanelColumns; ++c) {
        tile[r * kPanelColumns + c] = c < columns ? panel.start[r * block.out + c] : 0.0F;
      }
    }
    panel.start = tile;
    panel.start_stride = kPanelColumns;
  }
  panel.out = tile;
  panel.out_stride = kPanelColumns;
  multiply(panel);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) out[r * block.out + c] = tile[r * kPanelColumns + c];
  }
}

// Brings what a panel will write into the cache while it is summed.
void expect_writes(float* out, int64_t stride, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < width; c += kLanes) __builtin_prefetch(out + r * stride + c, 1);
  }
}

// One panel of columns, of the rows from `begin` to `end`. A block of its weights stays in a cache
// for all rows.
void multiply_columns(const DenseBlock& block, int64_t column, int64_t begin, int64_t end) {
  constexpr int64_t kFetches = kPanelColumns / kLanes;
  constexpr int64_t kManyPanels = 8;
  const RowPanels panels(end - begin);
  // The first panels of rows fetch the next block of weights, which follows in memory.
  const int64_t fetches = panels.count >= 4 ? 1 : panels.count >= 2 ? 2 : 4;
  const FinishFunction finish = finish_function(block);
  const float* first_start = starts_with_residual(block) ? block.residual : nullptr;
  const int64_t width = panel_width(column, block.out);
  const int64_t columns = column + width <= block.out ? width : block.out - column;
  for (int64_t k = 0; k < block.in; k += block.block_depth) {
    const int64_t depth = k + block.block_depth <= block.in ? block.block_depth : block.in - k;
    const float* weights = block.weights + column * block.in + k * width;
    for (int64_t p = 0; p < panels.count; ++p) {
      const int64_t row = begin + panels.begin(p);
      const int64_t rows = begin + panels.begin(p + 1) - row;
      const int64_t at = row * block.out + column;
      float* out = block.y + at;
      const Panel panel{.a = block.x + row * block.in + k,
                        .a_stride = block.in,
                        .b = weights,
                        .b_stride = width,
                        .depth = depth,
                        .bias = k == 0 ? block.bias + column : nullptr,
                        .start = k > 0                    ? out
                                 : first_start == nullptr ? nullptr
                                                          : first_start + at,
                        .start_stride = block.out,
                        .out = out,
                        .out_stride = block.out,
                        .fetch = weights + depth * (width + p * kLanes * fetches)};
      const PanelFunction multiply = p * fetches >= kFetches ? panel_function<0>(rows, width)
                                     : fetches == 1          ? panel_function<1>(rows, width)
                                     : fetches == 2          ? panel_function<2>(rows, width)
                                                             : panel_function<4>(rows, width);
      // Of few rows the results have been written not long ago, and are near.
      if (k == 0 && panels.count >= kManyPanels) expect_writes(out, block.out, rows, columns);
      if (columns == width) {
        multiply(panel);
      } else {
        multiply_narrow(block, multiply, panel, rows, columns);
      }
      if (finish == nullptr || k + depth < block.in) continue;
      // One panel behind: what was stored last is still on its way to the cache.
      if (p > 0) finish(block, begin + panels.begin(p - 1), row, column, columns);
      if (p + 1 == panels.count) finish(block, row, row + rows, column, columns);
    }
  }
}

void dense(const DenseBlock& block) {
  const int64_t blocks = (block.rows + block.block_rows - 1) / block.block_rows;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t begin = i * block.rows / blocks;
    const int64_t end = (i + 1) * block.rows / blocks;
    for (int64_t column = block.column_begin; column < block.column_end; column += kPanelColumns) {
      multiply_columns(block, column, begin, end);
    }
    if (block.gamma != nullptr) {
      norm({.x = block.y + begin * block.out,
            .gamma = block.gamma,
            .beta = block.beta,
            .rows = end - begin,
            .size = block.out,
            .epsilon = block.epsilon});
    }
  }
}

// --- attention ---------------------------------------------------------------------------------

// Sixteen rows become sixteen columns.
void transpose_16x16(Lanes (&rows)[16]) {
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

// Keys [length, head_size] as panels of [head_size, panel_width()]; those past the end are zero.
void lay_out_keys(const AttentionHead& head, float* panels) {
  for (int64_t begin = 0; begin < head.length_k; begin += kLanes) {
    const int64_t column = begin / kPanelColumns * kPanelColumns;
    const int64_t width = panel_width(column, head.length_k);
    float* panel = panels + column * head.head_size + (begin - column);
    for (int64_t d = 0; d < head.head_size; d += kLanes) {
      Lanes rows[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        rows[i] = begin + i < head.length_k
                      ? _mm512_loadu_ps(head.key + (begin + i) * head.key_stride + d)
                      : _mm512_setzero_ps();
      }
      transpose_16x16(rows);
      for (int64_t i = 0; i < kLanes; ++i) _mm512_storeu_ps(panel + (d + i) * width, rows[i]);
    }
  }
}

constexpr float kLowest = -3.40282347e38F;

// One row of the mask in powers of two. Past the last key it is as low as can be, and before it
// half as low at the least: a row of nothing but masked keys has the mean of those, not of what is
// past.
void lay_out_mask(const float* mask, int64_t length, float* out) {
  for (int64_t c = 0; c < length; c += kLanes) {
    const __mmask16 lanes = first_lanes(length - c);
    Lanes power = _mm512_setzero_ps();
    if (mask != nullptr) {
      power = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, mask + c), all(kLog2E));
      power = _mm512_max_ps(all(kLowest / 2), power);
    }
    _mm512_storeu_ps(out + c, _mm512_mask_mov_ps(all(kLowest), lanes, power));
  }
}

// The scores of one panel of queries.
struct Scores {
  float* data;  // [rows, width], width whole vectors
  int64_t width;
  const float* mask;  // laid out, [rows or 1, width]
  int64_t mask_stride;
  float scale;
  float* factors;  // [rows]
};

// Scores become e^(score * scale + mask - the greatest of the row), zero past the last key, and
// factors what makes their sum one. In powers of two, so that one multiplication serves the scale
// and the base. All rows together, since within one each number waits for the one before.
template <int kRows>
void exponentials(const Scores& scores) {
  const Lanes factor = all(scores.scale * kLog2E);
  Lanes greatest[kRows];
  Lanes sums[kRows];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    greatest[r] = all(kLowest);
    sums[r] = _mm512_setzero_ps();
  }
  for (int64_t c = 0; c < scores.width; c += kLanes) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      float* at = scores.data + r * scores.width + c;
      const Lanes mask = _mm512_loadu_ps(scores.mask + r * scores.mask_stride + c);
      const Lanes power = _mm512_fmadd_ps(_mm512_loadu_ps(at), factor, mask);
      greatest[r] = _mm512_max_ps(greatest[r], power);
      _mm512_storeu_ps(at, power);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) greatest[r] = all(_mm512_reduce_max_ps(greatest[r]));
  for (int64_t c = 0; c < scores.width; c += kLanes) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      float* at = scores.data + r * scores.width + c;
      // A power that is infinitely low has no difference to its nearest integer.
      const Lanes power =
          _mm512_max_ps(all(kLowest), _mm512_sub_ps(_mm512_loadu_ps(at), greatest[r]));
      const Lanes value = power_of_two(power);
      sums[r] = _mm512_add_ps(sums[r], value);
      _mm512_storeu_ps(at, value);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) scores.factors[r] = 1.0F / _mm512_reduce_add_ps(sums[r]);
}

using ScoresFunction = void (*)(const Scores&);

constexpr ScoresFunction kExponentials[kPanelRows] = {exponentials<1>, exponentials<2>,
                                                      exponentials<3>, exponentials<4>,
                                                      exponentials<5>, exponentials<6>};

void attend(const AttentionHead& head) {
  float* keys = head.scratch;
  const int64_t width = padded_columns(head.length_k);
  float* scores = keys + width * head.head_size;  // [kPanelRows, width]
  float* mask = scores + width * kPanelRows;      // [kPanelRows or 1, width]
  lay_out_keys(head, keys);
  if (head.mask_stride == 0) lay_out_mask(head.mask, head.length_k, mask);
  const RowPanels panels(head.length_q);
  for (int64_t p = 0; p < panels.count; ++p) {
    const int64_t row = panels.begin(p);
    const int64_t rows = panels.begin(p + 1) - row;
    for (int64_t column = 0; column < width; column += kPanelColumns) {
      const int64_t columns = panel_width(column, width);
      panel_function<0>(rows, columns)({.a = head.query + row * head.query_stride,
                                        .a_stride = head.query_stride,
                                        .b = keys + column * head.head_size,
                                        .b_stride = columns,
                                        .depth = head.head_size,
                                        .bias = nullptr,
                                        .start = nullptr,
                                        .start_stride = 0,
                                        .out = scores + column,
                                        .out_stride = width});
    }
    for (int64_t r = 0; r < rows && head.mask_stride != 0; ++r) {
      lay_out_mask(head.mask + (row + r) * head.mask_stride, head.length_k, mask + r * width);
    }
    float factors[kPanelRows];
    kExponentials[rows - 1]({.data = scores,
                             .width = width,
                             .mask = mask,
                             .mask_stride = head.mask_stride == 0 ? 0 : width,
                             .scale = head.scale,
                             .factors = factors});
    for (int64_t d = 0; d < head.head_size; d += kPanelColumns) {
      const int64_t columns = panel_width(d, head.head_size);
      panel_function<0>(rows, columns)({.a = scores,
                                        .a_stride = width,
                                        .b = head.value + d,
                                        .b_stride = head.value_stride,
                                        .depth = head.length_k,
                                        .bias = nullptr,
                                        .start = nullptr,
                                        .start_stride = 0,
                                        .out = head.out + row * head.out_stride + d,
                                        .out_stride = head.out_stride,
                                        .factors = factors});
    }
  }
}

}  // namespace

const KernelTable kAvx512{.name = "avx512", .dense = dense, .norm = norm, .attend = attend};

}  // namespace accel::kernels
