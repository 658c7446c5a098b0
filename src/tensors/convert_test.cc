#include "tensors/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensors/fixtures.h"
#include "tensors/tensor_files.h"

namespace accel::tensors {
namespace {

template <class T>
Tensor vector_of(std::vector<T> values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, values);
}

// row 322 (partial: int32 samples for int64 inputs)
TEST(Convert, Int32BecomesInt64) {
  const Tensor ids = Tensor::from<int32_t>({2, 2}, std::vector<int32_t>{101, -1, 0, 2147483647});
  const Result<Tensor> wide = convert_dtype(ids, DType::kI64);
  ASSERT_TRUE(wide.ok()) << wide.status().to_string();
  EXPECT_EQ(wide->shape(), (Shape{2, 2}));
  EXPECT_EQ(wide->data<int64_t>()[1], -1);
  EXPECT_EQ(wide->data<int64_t>()[3], 2147483647);
}

TEST(Convert, SameTypeSharesTheBytes) {
  const Tensor tensor = vector_of<float>({1, 2});
  EXPECT_EQ(convert_dtype(tensor, DType::kF32)->bytes().data(), tensor.bytes().data());
}

TEST(Convert, WhatDoesNotFitIsNamedByValueAndIndex) {
  const Tensor tensor = Tensor::from<int64_t>({2, 2}, std::vector<int64_t>{1, 2, 3000000000, 4});
  const Status status = convert_dtype(tensor, DType::kI32).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(),
            "converting i64 to i32: the value 3000000000 at index [1, 0] cannot be kept exactly");
}

TEST(Convert, IntegersAreExactOrRefused) {
  constexpr auto kMin = std::numeric_limits<int64_t>::min();
  constexpr auto kMax = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({-1}), DType::kU64).ok());
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({-1}), DType::kU8).ok());
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({128}), DType::kI8).ok());
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({2}), DType::kBool).ok());
  EXPECT_EQ(convert_dtype(vector_of<int64_t>({0, 1}), DType::kBool)->data<uint8_t>()[1], 1);
  const Tensor large = *convert_dtype(vector_of<int64_t>({kMax}), DType::kU64);
  EXPECT_EQ(convert_dtype(large, DType::kI64)->data<int64_t>()[0], kMax);
  EXPECT_EQ(convert_dtype(vector_of<int64_t>({kMin}), DType::kF64)->data<double>()[0], -0x1p63);
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({kMax}), DType::kF64).ok());
  EXPECT_TRUE(convert_dtype(vector_of<int64_t>({1 << 24}), DType::kF32).ok());
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({(1 << 24) + 1}), DType::kF32).ok());
  EXPECT_FALSE(convert_dtype(vector_of<int64_t>({1 << 20}), DType::kF16).ok());
}

TEST(Convert, FloatsBecomeIntegersOnlyWhenTheyAreSome) {
  EXPECT_EQ(convert_dtype(vector_of<float>({-7}), DType::kI8)->data<int8_t>()[0], -7);
  EXPECT_FALSE(convert_dtype(vector_of<float>({1.5F}), DType::kI64).ok());
  EXPECT_FALSE(convert_dtype(vector_of<float>({-1}), DType::kU8).ok());
  EXPECT_FALSE(convert_dtype(vector_of<float>({NAN}), DType::kI64).ok());
  EXPECT_FALSE(convert_dtype(vector_of<double>({0x1p63}), DType::kI64).ok());
  EXPECT_TRUE(convert_dtype(vector_of<double>({0x1p63}), DType::kU64).ok());
  EXPECT_TRUE(convert_dtype(vector_of<double>({-0x1p63}), DType::kI64).ok());
  EXPECT_FALSE(convert_dtype(vector_of<double>({INFINITY}), DType::kU64).ok());
  EXPECT_FALSE(convert_dtype(vector_of<float>({0.5F}), DType::kBool).ok());
}

// Whether a stored pattern is a NaN of its type. NaNs are compared as such: the libraries differ in
// which of them they write.
bool is_nan(const Tensor& tensor, uint64_t index) {
  const Tensor wide = *convert_dtype(tensor, DType::kF64);
  return std::isnan(wide.data<double>()[index]);
}

TEST(Convert, RoundsAsNumpyAndMlDtypes) {
  const Result<NamedTensors> file = read_tensors(fixture("rounding.npz"));
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const Tensor& inputs = *find(*file, "f64");
  ASSERT_GT(inputs.count(), 500U);
  for (const DType dtype :
       {DType::kF32, DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const Tensor& bits = *find(*file, to_string(dtype));
    const Tensor expected =
        Tensor::wrap(dtype, bits.shape(), bits.bytes().data(), std::make_shared<Tensor>(bits));
    const Tensor rounded = *convert_dtype(inputs, dtype);
    const size_t size = size_of(dtype);
    for (uint64_t i = 0; i < inputs.count(); ++i) {
      const std::string_view got = chars_of(rounded).substr(i * size, size);
      if (got == chars_of(expected).substr(i * size, size)) continue;
      EXPECT_TRUE(is_nan(rounded, i) && is_nan(expected, i))
          << to_string(dtype) << " of " << std::hexfloat << inputs.data<double>()[i];
    }
  }
}

TEST(Convert, EveryPatternOfASmallFloatSurvivesWidening) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const size_t size = size_of(dtype);
    const int64_t count = int64_t{1} << (8 * size);
    Tensor patterns = Tensor::allocate(dtype, {count});
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(patterns.mutable_data() + static_cast<size_t>(i) * size, &i, size);
    }
    for (const DType wide : {DType::kF32, DType::kF64}) {
      const Tensor back = *convert_dtype(*convert_dtype(patterns, wide), dtype);
      const Tensor numbers = *convert_dtype(patterns, DType::kF64);
      for (int64_t i = 0; i < count; ++i) {
        if (std::isnan(numbers.data<double>()[i])) continue;
        const auto at = static_cast<size_t>(i) * size;
        EXPECT_EQ(chars_of(back).substr(at, size), chars_of(patterns).substr(at, size))
            << to_string(dtype) << " " << i;
      }
    }
  }
}

TEST(Convert, KnownPatterns) {
  const Tensor halves = *convert_dtype(vector_of<float>({1, -2, 65504, 65520}), DType::kF16);
  EXPECT_EQ(chars_of(halves), std::string_view("\x00\x3C\x00\xC0\xFF\x7B\x00\x7C", 8));
  const Tensor brains = *convert_dtype(vector_of<float>({1, 3.14159F}), DType::kBF16);
  EXPECT_EQ(chars_of(brains), std::string_view("\x80\x3F\x49\x40", 4));
}

}  // namespace
}  // namespace accel::tensors
