#include "audio/fourier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace accel::audio {
namespace {

// The definition, in long double.
std::vector<double> slow_power(const std::vector<double>& frame) {
  const size_t size = frame.size();
  std::vector<double> power(size / 2 + 1);
  for (size_t k = 0; k < power.size(); ++k) {
    long double re = 0;
    long double im = 0;
    for (size_t i = 0; i < size; ++i) {
      const long double angle = -2 * std::numbers::pi_v<long double> *
                                static_cast<long double>(i * k % size) /
                                static_cast<long double>(size);
      re += frame[i] * std::cos(angle);
      im += frame[i] * std::sin(angle);
    }
    power[k] = static_cast<double>(re * re + im * im);
  }
  return power;
}

TEST(RealFourier, EqualsTheDefinitionForEveryRadix) {
  for (const size_t size : {2,   3,   4,   5,   6,   7,   8,   9,   10,  12,  14,  15,   16,  20,
                            21,  25,  28,  32,  35,  36,  48,  49,  64,  75,  98,  105,  120, 126,
                            128, 210, 245, 256, 343, 400, 441, 480, 512, 625, 640, 1000, 1024}) {
    std::vector<double> frame(size);
    uint32_t state = 1;
    for (double& each : frame) {
      state = state * 1'664'525 + 1'013'904'223;
      each = static_cast<double>(state) / 4e9 - 0.5;
    }
    const Result<RealFourier> plan = RealFourier::create(size);
    ASSERT_TRUE(plan.ok()) << size;
    ASSERT_EQ(plan->bins(), size / 2 + 1);
    std::vector<double> power(plan->bins());
    RealFourier::Scratch scratch;
    plan->power(frame, power, scratch);
    const std::vector<double> expected = slow_power(frame);
    for (size_t k = 0; k < power.size(); ++k) {
      ASSERT_NEAR(power[k], expected[k], 1e-11 * static_cast<double>(size)) << size << " bin " << k;
    }
  }
}

TEST(RealFourier, RefusesSizesItLacks) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{11}, size_t{1022}, size_t{5200},
                            RealFourier::kSizeMax + 2, SIZE_MAX}) {
    const Status status = RealFourier::create(size).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << size;
    EXPECT_THAT(status.message(), testing::HasSubstr("prime factors are 2, 3, 5 and 7"));
  }
}

}  // namespace
}  // namespace accel::audio
