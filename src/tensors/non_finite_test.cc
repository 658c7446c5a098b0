#include "tensors/non_finite.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "tensors/convert.h"

namespace accel::tensors {
namespace {

TEST(NonFinite, CountsInEveryTypeOfFloat) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::array<double, 8> numbers{0, -1.5, kNan, kInfinity, -kInfinity, -kNan, 448, -448};
  const Tensor exact = Tensor::from<double>({8}, numbers);
  for (const DType dtype : {DType::kF8E5M2, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const NonFinite found = count_non_finite(*convert_dtype(exact, dtype));
    EXPECT_EQ(found.nan, 2U) << to_string(dtype);
    EXPECT_EQ(found.infinite, 2U) << to_string(dtype);
  }
  // It has no infinity, and 448 is its largest.
  const NonFinite found = count_non_finite(*convert_dtype(exact, DType::kF8E4M3));
  EXPECT_EQ(found.nan, 4U);
  EXPECT_EQ(found.infinite, 0U);
}

TEST(NonFinite, IntegersHaveNone) {
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI64}) {
    const Tensor full =
        *convert_dtype(Tensor::from<int64_t>({1}, std::array<int64_t, 1>{1}), dtype);
    EXPECT_EQ(count_non_finite(full).nan, 0U);
  }
  const Tensor none = Tensor::from<int64_t>({1}, std::array<int64_t, 1>{-1});
  EXPECT_EQ(count_non_finite(none).nan + count_non_finite(none).infinite, 0U);
}

}  // namespace
}  // namespace accel::tensors
