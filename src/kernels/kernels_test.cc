// Against sums in double precision, over shapes that fill panels and shapes that do not.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "kernels/program.h"
#include "kernels/tables.h"

namespace accel::kernels {
namespace {

std::vector<float> random_floats(int64_t count, unsigned seed, float most = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> between(-most, most);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = between(random);
  return values;
}

Threads three_threads() {
  return {.count = 3, .run = [](int tasks, const std::function<void(int)>& task) {
            std::vector<std::thread> threads;
            for (int i = 0; i < tasks; ++i) threads.emplace_back(task, i);
            for (std::thread& thread : threads) thread.join();
          }};
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kRelu: return std::max(x, 0.0);
    case Activation::kGeluErf: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kSilu: return x / (1 + std::exp(-x));
  }
  return x;
}

struct Case {
  int64_t rows;
  int64_t in;
  int64_t out;
  Activation activation = Activation::kNone;
  bool bias = true;
  bool residual = false;
  bool norm = false;
};

std::vector<double> expected(const Case& c, const DenseParts& parts, const std::vector<float>& x,
                             const std::vector<float>& weight, const std::vector<float>& residual) {
  std::vector<double> y;
  for (int64_t r = 0; r < c.rows; ++r) {
    std::vector<double> row;
    double mean = 0;
    for (int64_t o = 0; o < c.out; ++o) {
      double sum = c.bias ? parts.bias[o] : 0.0;
      for (int64_t k = 0; k < c.in; ++k) sum += double{x[r * c.in + k]} * weight[o * c.in + k];
      row.push_back(activated(c.activation, sum) + (c.residual ? residual[r * c.out + o] : 0.0));
      mean += row.back() / static_cast<double>(c.out);
    }
    double variance = 0;
    for (const double value : row) {
      variance += (value - mean) * (value - mean) / static_cast<double>(c.out);
    }
    for (int64_t o = 0; c.norm && o < c.out; ++o) {
      row[o] =
          (row[o] - mean) / std::sqrt(variance + parts.epsilon) * parts.gamma[o] + parts.beta[o];
    }
    y.insert(y.end(), row.begin(), row.end());
  }
  return y;
}

class Kernels : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  void check(const Case& c, const Threads& threads) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.in) + " -> " +
                 std::to_string(c.out) + ", " + std::to_string(threads.count) + " threads");
    const auto x = random_floats(c.rows * c.in, 1);
    const auto weight = random_floats(c.out * c.in, 2, 2.0F / std::sqrt(float(c.in)));
    const auto residual = random_floats(c.rows * c.out, 3);
    DenseParts parts{.weight = weight.data(), .in = c.in, .out = c.out};
    parts.activation = c.activation;
    if (c.bias) parts.bias = random_floats(c.out, 4);
    if (c.norm) {
      parts.gamma = random_floats(c.out, 5);
      parts.beta = random_floats(c.out, 6);
      parts.epsilon = 1e-5F;
    }
    const auto layer = std::make_shared<DenseLayer>(parts, *table_, threads);
    std::vector<float> y(static_cast<size_t>(c.rows * c.out + 1), 77.0F);
    const Program program({.input_widths = {c.in, c.out},
                           .steps = {DenseStep{layer, 0, c.residual ? 1 : kNoValue}},
                           .outputs = {2}});
    const ProgramInput inputs[] = {{x.data(), 1, c.rows}, {residual.data(), 1, c.rows}};
    float* const outputs[] = {y.data()};
    program.run({inputs, {}, outputs}, threads);
    const auto exact = expected(c, parts, as_operands(x), as_operands(weight), residual);
    for (size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(y[i], exact[i], 2e-5) << "element " << i;
    EXPECT_EQ(y.back(), 77.0F) << "written past the end";
  }

  // What the table multiplies instead of these: tests then expect its sums to the last digits.
  std::vector<float> as_operands(std::vector<float> values) const {
    if (table_->operand == Operand::kF32) return values;
    for (float& value : values) {
      const auto bits = std::bit_cast<uint32_t>(value);
      value = std::bit_cast<float>((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000);
    }
    return values;
  }

  const KernelTable* table_ = GetParam();
};

TEST_P(Kernels, DenseOfEveryShape) {
  for (const Threads& threads : {Threads{}, three_threads()}) {
    for (int64_t rows = 1; rows <= 26; ++rows) check({rows, 40, 64}, threads);
    for (const int64_t out : {1, 5, 16, 31, 32, 33, 96, 100}) check({13, 24, out}, threads);
    for (const int64_t in : {1, 7, 383, 384, 385, 1536}) check({100, in, 48}, threads);
    check({80, 1000, 1100}, threads);
  }
}

TEST_P(Kernels, DenseWithAllThatFollows) {
  for (const Threads& threads : {Threads{}, three_threads()}) {
    for (const auto activation :
         {Activation::kRelu, Activation::kGeluErf, Activation::kGeluTanh, Activation::kSilu}) {
      check({30, 48, 70, activation}, threads);
    }
    check({30, 48, 70, Activation::kGeluErf, false}, threads);
    check({90, 800, 70, Activation::kNone, true, true}, threads);
    check({90, 800, 384, Activation::kNone, true, true, true}, threads);
    check({5, 20, 37, Activation::kRelu, true, true, true}, threads);
    check({5, 20, 37, Activation::kNone, false, false, true}, threads);
  }
}

TEST_P(Kernels, DenseKeepsWhatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const float weight[] = {1.0F};
  for (const auto activation : {Activation::kNone, Activation::kRelu, Activation::kGeluErf,
                                Activation::kGeluTanh, Activation::kSilu}) {
    const DenseLayer layer({.weight = weight, .in = 1, .out = 1, .activation = activation}, *table_,
                           Threads{});
    const float x[] = {nan, infinity, 9984.0F, -9984.0F};  // bf16 has them
    float y[4];
    layer.run({.x = x, .y = y, .rows = 4}, {}, 0);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], infinity);
    EXPECT_EQ(y[2], 9984.0F);
    EXPECT_NEAR(y[3], activation == Activation::kNone ? -9984.0F : 0, 1e-6);
  }
}

TEST_P(Kernels, GeluIsExactToTheLastDigits) {
  const float weight[] = {1.0F};
  const DenseLayer layer({.weight = weight, .in = 1, .out = 1, .activation = Activation::kGeluErf},
                         *table_, Threads{});
  std::vector<float> x;
  for (int i = -9000; i <= 9000; ++i) x.push_back(static_cast<float>(i) * 1e-3F);
  for (int i = -1000; i <= 1000; ++i) x.push_back(static_cast<float>(i) * 1e-6F);
  x = as_operands(std::move(x));
  std::vector<float> y(x.size());
  layer.run({.x = x.data(), .y = y.data(), .rows = std::ssize(x)}, {}, 0);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = 0.5 * x[i] * std::erfc(-x[i] / std::sqrt(2.0));
    const double size = std::abs(double{x[i]});
    ASSERT_NEAR(y[i], exact, size < 0.01 ? 1e-6 * size : 5e-8 + 6e-8 * size) << "x = " << x[i];
  }
}

// mask is empty, [length_k] or [batch, heads, length_q, length_k].
std::vector<double> expected(const AttentionShape& s, const std::vector<float>& q,
                             const std::vector<float>& k, const std::vector<float>& v,
                             const std::vector<float>& mask, bool one_row) {
  const int64_t hidden = s.heads * s.head_size;
  std::vector<double> out(q.size(), 0.0);
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.heads; ++h) {
      for (int64_t i = 0; i < s.length_q; ++i) {
        std::vector<double> scores;
        for (int64_t j = 0; j < s.length_k; ++j) {
          double score = 0;
          for (int64_t d = 0; d < s.head_size; ++d) {
            score += double{q[(b * s.length_q + i) * hidden + h * s.head_size + d]} *
                     k[(b * s.length_k + j) * hidden + h * s.head_size + d];
          }
          const int64_t row = one_row ? 0 : ((b * s.heads + h) * s.length_q + i) * s.length_k;
          scores.push_back(score * s.scale + (mask.empty() ? 0.0 : mask[row + j]));
        }
        const double most = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double& score : scores) sum += score = std::exp(score - most);
        for (int64_t j = 0; j < s.length_k; ++j) {
          for (int64_t d = 0; d < s.head_size; ++d) {
            out[(b * s.length_q + i) * hidden + h * s.head_size + d] +=
                scores[j] / sum * v[(b * s.length_k + j) * hidden + h * s.head_size + d];
          }
        }
      }
    }
  }
  return out;
}

TEST_P(Kernels, AttentionOfEveryShape) {
  // Of pairs the exponentials are rounded, too: by 2^-9 each, of values up to 1.
  const double tolerance = table_->operand == Operand::kF32 ? 1e-5 : 2e-3;
  for (const Threads& threads : {Threads{}, three_threads()}) {
    for (const AttentionShape& s : {AttentionShape{1, 1, 1, 1, 16, 0.25F},
                                    {2, 9, 9, 3, 32, 0.2F},
                                    {1, 33, 33, 2, 64, 0.125F},
                                    {2, 5, 70, 2, 48, 0.15F},
                                    {4, 70, 130, 3, 64, 0.125F},
                                    {1, 100, 17, 1, 80, 0.1F}}) {
      SCOPED_TRACE(std::to_string(s.length_q) + " on " + std::to_string(s.length_k));
      const int64_t hidden = s.heads * s.head_size;
      const auto q = as_operands(random_floats(s.batch * s.length_q * hidden, 1, 3));
      const auto k = as_operands(random_floats(s.batch * s.length_k * hidden, 2, 3));
      const auto v = as_operands(random_floats(s.batch * s.length_k * hidden, 3));
      auto row = random_floats(s.length_k, 4, 2);
      if (s.length_k > 1) row.back() = std::numeric_limits<float>::lowest();
      const auto full = random_floats(s.batch * s.heads * s.length_q * s.length_k, 5, 2);
      const std::vector<AttentionMask> masks{
          {},
          {.data = row.data()},
          {full.data(), s.heads * s.length_q * s.length_k, s.length_q * s.length_k, s.length_k}};
      for (size_t m = 0; m < masks.size(); ++m) {
        std::vector<float> out(q.size() + 1, 77.0F);
        const Program program({.input_widths = {hidden, hidden, hidden},
                               .steps = {AttentionStep{table_, s.heads, s.scale, 0, 1, 2, 0}},
                               .outputs = {3}});
        const ProgramInput inputs[] = {{q.data(), s.batch, s.length_q},
                                       {k.data(), s.batch, s.length_k},
                                       {v.data(), s.batch, s.length_k}};
        float* const outputs[] = {out.data()};
        program.run({inputs, {&masks[m], 1}, outputs}, threads);
        const auto exact = expected(s, q, k, v,
                                    m == 0   ? std::vector<float>()
                                    : m == 1 ? row
                                             : full,
                                    m == 1);
        for (size_t i = 0; i < exact.size(); ++i) {
          ASSERT_NEAR(out[i], exact[i], tolerance) << "element " << i << ", mask " << m;
        }
        EXPECT_EQ(out.back(), 77.0F) << "written past the end";
      }
    }
  }
}

// Of masked keys alone the mean: what lies past the last key, up to a whole vector, has no part in
// it.
TEST_P(Kernels, AttentionToMaskedKeysAloneIsTheirMean) {
  constexpr AttentionShape kShape{1, 7, 21, 1, 16, 0.25F};
  const auto q = random_floats(kShape.length_q * kShape.head_size, 1, 3);
  const auto k = random_floats(kShape.length_k * kShape.head_size, 2, 3);
  const auto v = as_operands(random_floats(kShape.length_k * kShape.head_size, 3));
  for (const float masked :
       {std::numeric_limits<float>::lowest(), -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> row(static_cast<size_t>(kShape.length_k), masked);
    const AttentionMask mask{.data = row.data()};
    std::vector<float> out(q.size());
    const Program program({.input_widths = {16, 16, 16},
                           .steps = {AttentionStep{table_, 1, kShape.scale, 0, 1, 2, 0}},
                           .outputs = {3}});
    const ProgramInput inputs[] = {{q.data(), 1, 7}, {k.data(), 1, 21}, {v.data(), 1, 21}};
    float* const outputs[] = {out.data()};
    program.run({inputs, {&mask, 1}, outputs}, Threads{});
    for (size_t i = 0; i < out.size(); ++i) {
      double mean = 0;
      for (size_t j = 0; j < 21; ++j) mean += v[j * 16 + i % 16] / 21.0;
      ASSERT_NEAR(out[i], mean, 1e-6) << "element " << i << ", mask " << masked;
    }
  }
}

// Every table that this processor can run, not the fastest alone.
INSTANTIATE_TEST_SUITE_P(Tables, Kernels, ::testing::ValuesIn(kernel_tables()),
                         [](const auto& table) { return std::string(table.param->name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Kernels);

}  // namespace
}  // namespace accel::kernels
