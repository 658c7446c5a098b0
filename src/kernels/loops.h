// The inner loops of a table, for one instruction set: `V` says how many numbers are in a vector
// and what can be done with them (lanes_avx512.h, lanes_avx2.h). It has
//   Lanes, Mask                         a vector, with the compiler's + - * /; which of it count
//   kLanes, kPanelVectors               numbers in a vector; vectors in a row of a panel of results
//   all(x), first(count)                x everywhere; the mask of the first `count`
//   load(from[, mask]), store(to, x[, mask])   anywhere in memory; zero outside of a mask
//   choose(mask, inside, outside), multiply_add(x, y, z)                      the latter x * y + z
//   smaller(x, y), greater(x, y)        y where either is no number
//   absolute, nearest_integer, below_one(x) = x - floor(x), times_power_of_two(x, n) = x * 2^n
//   sum(x), greatest(x)                 of the numbers in a vector
//   GeluInterval(at).coefficient(power) of kGeluTable, in the interval that each number lies in
//   transpose(rows)                     kLanes rows become columns
//   kOperand                            what products multiply
//   multiply_add_operands(x, y, z)      z + x * y; of pairs z + both products of each
//   load_operands(from, count)          kLanes operands of up to `count` numbers, zeros after them;
//                                       in pairs rounded to the nearest
//   paired(x, y)                        of pairs alone: (x, y) in each
//
// Matrix products after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
// (2008), with weights laid out once. A panel of 6 rows of results stays in registers while a
// column of x, one number at a time, meets a row of weights.
//
// Everything is a member of Loops<V>, and each V is used by one source: what is compiled for
// instructions that the machine may lack must not be shared with other sources.
#pragma once

#include "kernels/kernel_table.h"

namespace accel::kernels {

template <class V>
class Loops : V {
  using V::absolute;
  using V::all;
  using V::choose;
  using V::first;
  using V::greater;
  using V::greatest;
  using V::kLanes;
  using V::kPanelVectors;
  using V::load;
  using V::multiply_add;
  using V::nearest_integer;
  using V::smaller;
  using V::store;
  using V::sum;
  using Lanes = typename V::Lanes;
  using Mask = typename V::Mask;

  static constexpr int64_t kPanelColumns = kPanelVectors * kLanes;
  static constexpr int64_t kLine = 16;  // numbers in a cache line
  static_assert(kPanelColumns % kPadding == 0 && kPanelColumns <= 4 * kPadding);
  static_assert(kPadding % kLanes == 0);

 public:
  static constexpr KernelTable table(const char* name) {
    return {.name = name,
            .operand = V::kOperand,
            .panel_columns = kPanelColumns,
            .dense = dense,
            .norm = norm,
            .attend = attend};
  }

 private:
  static constexpr int64_t smaller_of(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t width_of(int64_t column, int64_t columns) {
    return panel_width(column, columns, kPanelColumns);
  }

  // --- functions of a vector --------------------------------------------------------------------

  // Coefficients from the highest power down.
  template <int kCount>
  static Lanes polynomial(Lanes x, const float (&coefficients)[kCount]) {
    Lanes value = all(coefficients[0]);
    for (int i = 1; i < kCount; ++i) value = multiply_add(value, x, all(coefficients[i]));
    return value;
  }

  // 2^x within two units in the last place: 2^n * 2^r with |r| <= 1/2, 2^r by a polynomial through
  // Chebyshev's nodes. Zero below the smallest number; a NaN stays one.
  static Lanes power_of_two(Lanes x) {
    constexpr float kSeries[] = {1.54531634e-4F,
                                 1.33908633e-3F,
                                 9.61808302e-3F,
                                 5.55035695e-2F,
                                 2.40226507e-1F,
                                 6.93147182e-1F,
                                 1.0F};
    const Lanes n = nearest_integer(x);
    return V::times_power_of_two(polynomial(x - n, kSeries), n);
  }

  static constexpr float kLog2E = 1.44269504F;

  // e^x for x that is no further from zero than a few hundred: its error grows with x.
  static Lanes exponential(Lanes x) { return power_of_two(x * all(kLog2E)); }

  // GELU of the erf form, within half a unit in the last place of x: max(x, 0) less what a
  // piecewise polynomial says of |x| (tools/fit_gelu.py). Looking coefficients up takes half of the
  // time of the usual rational functions.
  static Lanes gelu_erf(Lanes x) {
    constexpr float kEnd = 15.9999990F;  // the last interval ends at zero
    const Lanes at = smaller(all(kEnd), absolute(x) * all(kGeluIntervalsPerUnit));
    const typename V::GeluInterval interval(at);
    const Lanes t = V::below_one(at);
    Lanes value = interval.coefficient(5);
#pragma GCC unroll 5
    for (int power = 4; power >= 0; --power) {
      value = multiply_add(value, t, interval.coefficient(power));
    }
    return greater(all(0.0F), x) - value;
  }

  static Lanes logistic(Lanes x) {
    // An infinite power would have no difference to its nearest integer.
    const Lanes power = greater(all(-200.0F), smaller(all(200.0F), x));
    return all(1.0F) / (all(1.0F) + exponential(all(0.0F) - power));
  }

  template <Activation kActivation>
  static Lanes activated(Lanes x) {
    switch (kActivation) {
      case Activation::kNone: return x;
      case Activation::kRelu: return greater(all(0.0F), x);
      case Activation::kGeluErf: return gelu_erf(x);
      case Activation::kGeluTanh: {
        // 0.5 x (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
        const Lanes cubic = multiply_add(x * x * x, all(0.044715F), x);
        return x * logistic(cubic * all(2 * 0.797884561F));
      }
      case Activation::kSilu: return x * logistic(x);
    }
    return x;
  }

  // --- one panel of results ---------------------------------------------------------------------

  // out[r][c] = (bias[c] + start[r][c] + sum over k of a[r][k] b[k][c]) * factors[r], for kRows
  // rows and kVectors * kLanes columns.
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
    const float* fetch = nullptr;  // what comes next: brought nearer, kFetch cache lines at each k
  };

  template <int kRows, int kVectors, int kFetch>
  static void multiply_panel(const Panel& panel) {
    Lanes sums[kRows][kVectors];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = panel.bias == nullptr ? all(0.0F) : load(panel.bias + v * kLanes);
      }
    }
    if (panel.start != nullptr) {
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          sums[r][v] += load(panel.start + r * panel.start_stride + v * kLanes);
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
      for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 4
      for (int i = 0; i < kFetch; ++i) __builtin_prefetch(fetch + i * kLine, 0, 2);
      if (kFetch > 0) fetch += kFetch * kLine;
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        // Named, not indexed as it is chosen: there GCC 12's overflow sanitizer computes the index
        // for the first choice only, and the second is read at that of an earlier r.
        const float* three = r < 3 ? a0 : a3;
        const Lanes spread = all(three[r % 3 * stride]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          sums[r][v] = V::multiply_add_operands(spread, row[v], sums[r][v]);
        }
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
        for (int v = 0; v < kVectors; ++v) sums[r][v] *= factor;
      }
    }
    float* out = panel.out;
    const int64_t out_stride = panel.out_stride;
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) store(out + r * out_stride + v * kLanes, sums[r][v]);
    }
  }

  using PanelFunction = void (*)(const Panel&);

  // By their width in kPadding columns, of which a panel has at most four.
  template <int kRows, int kFetch>
  struct PanelsOf {
    template <int kWidth>
    static constexpr int kVectors = smaller_of(kWidth * (kPadding / kLanes), kPanelVectors);
    static constexpr PanelFunction kFunctions[] = {
        multiply_panel<kRows, kVectors<1>, kFetch>, multiply_panel<kRows, kVectors<2>, kFetch>,
        multiply_panel<kRows, kVectors<3>, kFetch>, multiply_panel<kRows, kVectors<4>, kFetch>};
  };

  // For up to kPanelRows rows and a width of up to kPanelColumns, a multiple of kPadding.
  template <int kFetch>
  static PanelFunction panel_function(int64_t rows, int64_t width) {
    static constexpr const PanelFunction* kPanels[kPanelRows] = {
        PanelsOf<1, kFetch>::kFunctions, PanelsOf<2, kFetch>::kFunctions,
        PanelsOf<3, kFetch>::kFunctions, PanelsOf<4, kFetch>::kFunctions,
        PanelsOf<5, kFetch>::kFunctions, PanelsOf<6, kFetch>::kFunctions};
    return kPanels[rows - 1][width / kPadding - 1];
  }

  // Rows cut into panels whose sizes differ by one at most: a last panel of one row would cost
  // nearly as much as a full one.
  struct RowPanels {
    int64_t rows;
    int64_t count;
    explicit RowPanels(int64_t all_rows)
        : rows(all_rows), count((all_rows + kPanelRows - 1) / kPanelRows) {}
    int64_t begin(int64_t panel) const { return panel * rows / count; }
  };

  // --- layer normalisation ----------------------------------------------------------------------

  // Calls function(c, mask...) for the first column of every vector: without a mask where it is
  // whole, because a masked load waits until what was stored last has reached the cache.
  template <class Function>
  static void each_vector(int64_t size, const Function& function) {
    int64_t c = 0;
    for (; c + kLanes <= size; c += kLanes) function(c);
    if (c < size) function(c, first(size - c));
  }

  // Sums function(c, mask...) over all columns c, zero outside of a mask: four sums at a time,
  // since each addition waits for the last.
  template <class Function>
  static float sum_over(int64_t size, const Function& function) {
    Lanes sums[4] = {all(0.0F), all(0.0F), all(0.0F), all(0.0F)};
    int64_t c = 0;
    for (; c + 4 * kLanes <= size; c += 4 * kLanes) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) sums[i] += function(c + i * kLanes);
    }
    each_vector(size - c,
                [&](int64_t more, auto... mask) { sums[0] += function(c + more, mask...); });
    return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  }

  static void norm(const NormRows& rows) {
    const float per_size = 1.0F / static_cast<float>(rows.size);
    for (int64_t r = 0; r < rows.rows; ++r) {
      float* x = rows.x + r * rows.size;
      const auto value = [&](int64_t c, auto... mask) { return load(x + c, mask...); };
      const Lanes mean = all(sum_over(rows.size, value) * per_size);
      const float squares = sum_over(rows.size, [&](int64_t c, auto... mask) {
        Lanes off = value(c, mask...) - mean;
        ((off = choose(mask, off, all(0.0F))), ...);
        return off * off;
      });
      const Lanes factor = all(1.0F / __builtin_sqrtf(squares * per_size + rows.epsilon));
      each_vector(rows.size, [&](int64_t c, auto... mask) {
        const Lanes unit = (value(c, mask...) - mean) * factor;
        const Lanes gamma = load(rows.gamma + c, mask...);
        store(x + c, multiply_add(unit, gamma, load(rows.beta + c, mask...)), mask...);
      });
    }
  }

  // --- dense ------------------------------------------------------------------------------------

  // A residual that no activation stands before is where the sums start.
  static bool starts_with_residual(const DenseBlock& block) {
    return block.residual != nullptr && block.activation == Activation::kNone;
  }

  // The activation and the residual, on columns whose sum is complete.
  template <Activation kActivation>
  static void finish_rows(const DenseBlock& block, int64_t begin, int64_t end, int64_t column,
                          int64_t columns) {
    for (int64_t r = begin; r < end; ++r) {
      float* y = block.y + r * block.out + column;
      const float* residual =
          block.residual == nullptr ? nullptr : block.residual + r * block.out + column;
      each_vector(columns, [&](int64_t c, auto... mask) {
        Lanes value = activated<kActivation>(load(y + c, mask...));
        if (residual != nullptr) value += load(residual + c, mask...);
        store(y + c, value, mask...);
      });
    }
  }

  using FinishFunction = void (*)(const DenseBlock&, int64_t, int64_t, int64_t, int64_t);

  static FinishFunction finish_function(const DenseBlock& block) {
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
  static void multiply_narrow(const DenseBlock& block, PanelFunction multiply, Panel panel,
                              int64_t rows, int64_t columns) {
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
  static void expect_writes(float* out, int64_t stride, int64_t rows, int64_t width) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < width; c += kLanes) __builtin_prefetch(out + r * stride + c, 1);
    }
  }

  // Rows of `size` numbers, `stride` apart, as pairs: [rows, operands_in(size)]. `to` may be
  // `from`.
  static void to_pairs(const float* from, int64_t stride, int64_t rows, int64_t size, float* to) {
    const int64_t depth = operands_in(V::kOperand, size);
    for (int64_t r = 0; r < rows; ++r) {
      each_vector(depth, [&](int64_t d, auto... mask) {
        const Lanes pairs = V::load_operands(from + r * stride + 2 * d, size - 2 * d);
        store(to + r * depth + d, pairs, mask...);
      });
    }
  }

  // The rows of x from `begin` to `end` as operands, [end - begin, depth].
  static const float* operands(const DenseBlock& block, int64_t begin, int64_t end) {
    const float* x = block.x + begin * block.in;
    if constexpr (V::kOperand == Operand::kF32) {
      return x;
    } else {
      to_pairs(x, block.in, end - begin, block.in, block.pairs);
      return block.pairs;
    }
  }

  // One panel of columns, of the rows from `begin` to `end`, whose operands are `x`. A block of its
  // weights stays in a cache for all rows.
  static void multiply_columns(const DenseBlock& block, const float* x, int64_t column,
                               int64_t begin, int64_t end) {
    constexpr int64_t kFetches = kPanelColumns / kLine;
    constexpr int64_t kManyPanels = 8;
    const RowPanels panels(end - begin);
    // The first panels of rows fetch the next block of weights, which follows in memory.
    const int64_t fetches = smaller_of(panels.count >= 4 ? 1 : panels.count >= 2 ? 2 : 4, kFetches);
    const FinishFunction finish = finish_function(block);
    const float* first_start = starts_with_residual(block) ? block.residual : nullptr;
    const int64_t width = width_of(column, block.out);
    const int64_t columns = column + width <= block.out ? width : block.out - column;
    for (int64_t k = 0; k < block.depth; k += block.block_depth) {
      const int64_t depth = smaller_of(block.block_depth, block.depth - k);
      const float* weights = block.weights + column * block.depth + k * width;
      for (int64_t p = 0; p < panels.count; ++p) {
        const int64_t row = begin + panels.begin(p);
        const int64_t rows = begin + panels.begin(p + 1) - row;
        const int64_t at = row * block.out + column;
        float* out = block.y + at;
        const Panel panel{.a = x + panels.begin(p) * block.depth + k,
                          .a_stride = block.depth,
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
                          .fetch = weights + depth * (width + p * kLine * fetches)};
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
        if (finish == nullptr || k + depth < block.depth) continue;
        // One panel behind: what was stored last is still on its way to the cache.
        if (p > 0) finish(block, begin + panels.begin(p - 1), row, column, columns);
        if (p + 1 == panels.count) finish(block, row, row + rows, column, columns);
      }
    }
  }

  static void dense(const DenseBlock& block) {
    const int64_t blocks = (block.rows + block.block_rows - 1) / block.block_rows;
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t begin = i * block.rows / blocks;
      const int64_t end = (i + 1) * block.rows / blocks;
      const float* x = operands(block, begin, end);
      for (int64_t column = block.column_begin; column < block.column_end;
           column += kPanelColumns) {
        multiply_columns(block, x, column, begin, end);
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

  // --- attention --------------------------------------------------------------------------------

  // Keys [length, head_size] as panels of operands, [depth, width_of()]; those past the end are
  // zero.
  static void lay_out_keys(const AttentionHead& head, float* panels) {
    const int64_t depth = operands_in(V::kOperand, head.head_size);
    const int64_t per_operand = head.head_size / depth;
    for (int64_t begin = 0; begin < padded_columns(head.length_k); begin += kLanes) {
      const int64_t column = begin / kPanelColumns * kPanelColumns;
      const int64_t width = width_of(column, head.length_k);
      float* panel = panels + column * depth + (begin - column);
      for (int64_t d = 0; d < depth; d += kLanes) {
        Lanes rows[kLanes];
        for (int64_t i = 0; i < kLanes; ++i) {
          const float* key = head.key + (begin + i) * head.key_stride + d * per_operand;
          const int64_t left = head.head_size - d * per_operand;
          rows[i] = begin + i < head.length_k ? V::load_operands(key, left) : all(0.0F);
        }
        V::transpose(rows);
        const int64_t count = smaller_of(kLanes, depth - d);
        for (int64_t i = 0; i < count; ++i) store(panel + (d + i) * width, rows[i]);
      }
    }
  }

  static constexpr float kLowest = -3.40282347e38F;

  // One row of the mask in powers of two. Past the last key it is as low as can be, and before it
  // half as low at the least: a row of nothing but masked keys has the mean of those, not of what
  // is past.
  static void lay_out_mask(const float* mask, int64_t length, float* out) {
    for (int64_t c = 0; c < padded_columns(length); c += kLanes) {
      const Mask inside = first(length - c);
      Lanes power = all(0.0F);
      if (mask != nullptr) {
        power = load(mask + c, inside) * all(kLog2E);
        power = greater(all(kLowest / 2), power);
      }
      store(out + c, choose(inside, power, all(kLowest)));
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
  static void exponentials(const Scores& scores) {
    const Lanes factor = all(scores.scale * kLog2E);
    Lanes most[kRows];
    Lanes sums[kRows];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      most[r] = all(kLowest);
      sums[r] = all(0.0F);
    }
    for (int64_t c = 0; c < scores.width; c += kLanes) {
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        float* at = scores.data + r * scores.width + c;
        const Lanes mask = load(scores.mask + r * scores.mask_stride + c);
        const Lanes power = multiply_add(load(at), factor, mask);
        most[r] = greater(most[r], power);
        store(at, power);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) most[r] = all(greatest(most[r]));
    for (int64_t c = 0; c < scores.width; c += kLanes) {
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        float* at = scores.data + r * scores.width + c;
        // A power that is infinitely low has no difference to its nearest integer.
        const Lanes power = greater(all(kLowest), load(at) - most[r]);
        const Lanes value = power_of_two(power);
        sums[r] += value;
        store(at, value);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) scores.factors[r] = 1.0F / sum(sums[r]);
  }

  using ScoresFunction = void (*)(const Scores&);

  static constexpr ScoresFunction kExponentials[kPanelRows] = {exponentials<1>, exponentials<2>,
                                                               exponentials<3>, exponentials<4>,
                                                               exponentials<5>, exponentials<6>};

  // Values as what the scores multiply, [depth, head_size]: they themselves, or pairs of the rows
  // of two keys.
  struct Values {
    const float* data;
    int64_t stride;
    int64_t depth;
  };

  static Values values_of(const AttentionHead& head, float* pairs) {
    if constexpr (V::kOperand == Operand::kF32) {
      return {head.value, head.value_stride, head.length_k};
    } else {
      const int64_t depth = operands_in(V::kOperand, head.length_k);
      for (int64_t i = 0; i < depth; ++i) {
        const float* row = head.value + 2 * i * head.value_stride;
        const bool odd = 2 * i + 1 == head.length_k;
        for (int64_t d = 0; d < head.head_size; d += kLanes) {
          const Lanes next = odd ? all(0.0F) : load(row + head.value_stride + d);
          store(pairs + i * head.head_size + d, V::paired(load(row + d), next));
        }
      }
      return {pairs, head.head_size, depth};
    }
  }

  // Rows as what meets a panel of operands: they themselves, or pairs in `pairs`.
  struct Rows {
    const float* data;
    int64_t stride;
  };

  static Rows rows_of(Rows rows, int64_t count, int64_t size, float* pairs) {
    if constexpr (V::kOperand == Operand::kF32) {
      return rows;
    } else {
      to_pairs(rows.data, rows.stride, count, size, pairs);
      return {pairs, operands_in(V::kOperand, size)};
    }
  }

  static void attend(const AttentionHead& head) {
    const int64_t depth = operands_in(V::kOperand, head.head_size);
    const int64_t width = padded_columns(head.length_k);
    float* keys = head.scratch;                      // [width, depth]
    float* queries = keys + width * depth;           // of pairs: [kPanelRows, depth]
    float* scores = queries + kPanelRows * depth;    // [kPanelRows, width]
    float* mask = scores + width * kPanelRows;       // [kPanelRows or 1, width]
    float* value_pairs = mask + width * kPanelRows;  // of pairs: [width / 2, head_size]
    lay_out_keys(head, keys);
    const Values values = values_of(head, value_pairs);
    if (head.mask_stride == 0) lay_out_mask(head.mask, head.length_k, mask);
    const RowPanels panels(head.length_q);
    for (int64_t p = 0; p < panels.count; ++p) {
      const int64_t row = panels.begin(p);
      const int64_t rows = panels.begin(p + 1) - row;
      const Rows query = rows_of({head.query + row * head.query_stride, head.query_stride}, rows,
                                 head.head_size, queries);
      for (int64_t column = 0; column < width; column += kPanelColumns) {
        const int64_t columns = width_of(column, width);
        panel_function<0>(rows, columns)({.a = query.data,
                                          .a_stride = query.stride,
                                          .b = keys + column * depth,
                                          .b_stride = columns,
                                          .depth = depth,
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
      const Rows weights = rows_of({scores, width}, rows, width, scores);
      for (int64_t d = 0; d < head.head_size; d += kPanelColumns) {
        const int64_t columns = width_of(d, head.head_size);
        panel_function<0>(rows, columns)({.a = weights.data,
                                          .a_stride = weights.stride,
                                          .b = values.data + d,
                                          .b_stride = values.stride,
                                          .depth = values.depth,
                                          .bias = nullptr,
                                          .start = nullptr,
                                          .start_stride = 0,
                                          .out = head.out + row * head.out_stride + d,
                                          .out_stride = head.out_stride,
                                          .factors = factors});
      }
    }
  }
};

}  // namespace accel::kernels
