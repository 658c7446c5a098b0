#include "precision/integers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace accel::precision {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Outcome {
  IntegerGroup group;
  std::vector<uint8_t> integers;
  std::vector<float> numbers;
};

Outcome round_trip(const std::vector<float>& numbers, const IntegerScheme& scheme) {
  Outcome outcome;
  outcome.integers.resize(numbers.size());
  outcome.numbers.resize(numbers.size());
  outcome.group = quantize(numbers, scheme, outcome.integers);
  dequantize(outcome.integers, scheme, outcome.group, outcome.numbers);
  return outcome;
}

std::vector<float> random_numbers(size_t count, float mean, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, spread);
  std::vector<float> numbers(count);
  std::ranges::generate(numbers, [&] { return normal(random); });
  return numbers;
}

float worst(const std::vector<float>& a, const std::vector<float>& b) {
  float most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

TEST(Integers, ErrorsAreWithinHalfAStep) {
  for (const int bits : {8, 4}) {
    for (const bool symmetric : {false, true}) {
      for (const float mean : {0.0F, 0.3F, -2.0F}) {
        const auto numbers = random_numbers(1000, mean, 0.5F, 7);
        const Outcome outcome = round_trip(numbers, {.bits = bits, .symmetric = symmetric});
        ASSERT_TRUE(outcome.group.finite);
        const float steps = symmetric && bits == 4 ? 1.0F : 0.5F;
        const float bound = std::abs(outcome.group.scale) * steps * 1.001F;
        EXPECT_LE(worst(numbers, outcome.numbers), bound) << bits << symmetric << mean;
        const float range = 2 * (std::abs(mean) + 3);
        EXPECT_LT(std::abs(outcome.group.scale), range / (bits == 8 ? 127 : 7));
      }
    }
  }
}

TEST(Integers, NumbersOnTheGridComeBackExactly) {
  std::vector<float> whole;
  for (int i = -100; i <= 155; ++i) whole.push_back(static_cast<float>(i) * 0.25F);
  EXPECT_EQ(round_trip(whole, {.bits = 8}).numbers, whole);
  std::vector<float> even;
  for (int i = -127; i <= 127; ++i) even.push_back(static_cast<float>(i) * 0.5F);
  EXPECT_EQ(round_trip(even, {.bits = 8, .symmetric = true}).numbers, even);
  std::vector<float> few;
  for (int i = -5; i <= 10; ++i) few.push_back(static_cast<float>(i) * 2.0F);
  EXPECT_EQ(round_trip(few, {.bits = 4, .half_scales = true}).numbers, few);
  std::vector<float> signs;
  for (int i = -7; i <= 8; ++i) signs.push_back(static_cast<float>(i) * 0.125F);
  const Outcome outcome = round_trip(signs, {.bits = 4, .symmetric = true, .half_scales = true});
  EXPECT_EQ(outcome.numbers, signs);
  EXPECT_LT(outcome.group.scale, 0);  // the largest is positive and becomes -8
}

TEST(Integers, ZeroStaysZero) {
  auto numbers = random_numbers(333, 1.7F, 0.2F, 3);
  numbers[5] = 0;
  for (const int bits : {8, 4}) {
    for (const bool symmetric : {false, true}) {
      EXPECT_EQ(round_trip(numbers, {.bits = bits, .symmetric = symmetric}).numbers[5], 0.0F);
    }
  }
}

TEST(Integers, ZerosAndTheSmallestNumbersAreZero) {
  for (const float number : {0.0F, 1e-44F}) {
    const Outcome outcome = round_trip(std::vector<float>(64, number), {.bits = 4});
    EXPECT_TRUE(outcome.group.finite);
    EXPECT_EQ(outcome.numbers, std::vector<float>(64, 0.0F));
  }
}

TEST(Integers, TheLargestNumbersDoNotOverflow) {
  const float most = std::numeric_limits<float>::max();
  const Outcome outcome = round_trip({most, -most, 0.0F, most / 2}, {.bits = 8});
  EXPECT_TRUE(std::isfinite(outcome.group.scale));
  EXPECT_NEAR(outcome.numbers[3] / most, 0.5F, 0.005F);
}

TEST(Integers, WhatIsNoNumberIsTold) {
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const size_t place : {size_t{0}, size_t{20}, size_t{36}}) {
      auto numbers = random_numbers(37, 0, 1, 1);
      numbers[place] = bad;
      EXPECT_FALSE(round_trip(numbers, {.bits = 8}).group.finite);
    }
  }
}

TEST(Integers, IntegersFitTheScaleAsItIsStored) {
  const auto numbers = random_numbers(512, 0, 0.02F, 11);
  const Outcome outcome = round_trip(numbers, {.bits = 8, .half_scales = true});
  uint16_t half = 0;
  EXPECT_TRUE(to_f16({&outcome.group.scale, 1}, {&half, 1}));
  EXPECT_EQ(f16_value(half), outcome.group.scale);
  // What the scale loses can leave the ends of the range outside by at most 127 such losses.
  EXPECT_LE(worst(numbers, outcome.numbers), outcome.group.scale * (0.5F + 255.0F / 2048));
  EXPECT_TRUE(outcome.group.precise);
  const auto tiny = random_numbers(512, 0, 1e-5F, 11);
  EXPECT_FALSE(round_trip(tiny, {.bits = 8, .half_scales = true}).group.precise);
}

TEST(Integers, NibblesArePackedLowFirst) {
  std::vector<uint8_t> bytes{0x1, 0x2, 0xFF, 0x3};  // 0xFF: -1 in 8 bits
  pack_nibbles(bytes);
  EXPECT_EQ(bytes[0], 0x21);
  EXPECT_EQ(bytes[1], 0x3F);
}

TEST(Integers, EveryHalfComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_value(static_cast<uint16_t>(bits));
    uint16_t back = 0;
    EXPECT_TRUE(to_f16({&value, 1}, {&back, 1}));
    if (!std::isnan(value)) {
      ASSERT_EQ(back, bits);
    } else {
      ASSERT_GT(back & 0x7FFF, 0x7C00);
    }
  }
}

TEST(Integers, HalvesAreRoundedToTheNearestEven) {
  const std::vector<float> numbers{1 + 1.0F / 2048, 1 + 3.0F / 2048, 65519, 65520, 1e-7F, -2.5e-8F};
  std::vector<uint16_t> halves(numbers.size());
  EXPECT_FALSE(to_f16(numbers, halves));  // 65520 is infinite
  EXPECT_EQ(halves, (std::vector<uint16_t>{0x3C00, 0x3C02, 0x7BFF, 0x7C00, 0x0002, 0x8000}));
  const std::vector<float> wide{1 + 1.0F / 256, 1 + 3.0F / 256, 3.4e38F, -kInfinity};
  std::vector<uint16_t> rounded(wide.size());
  EXPECT_FALSE(to_bf16(wide, rounded));
  EXPECT_EQ(rounded, (std::vector<uint16_t>{0x3F80, 0x3F82, 0x7F80, 0xFF80}));
}

}  // namespace
}  // namespace accel::precision
