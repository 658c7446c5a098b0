// Names of element types, the format of strings, and data made of bytes.
#include "server/kserve/datatypes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/kserve/classification.h"
#include "server/kserve/tensor_data.h"

namespace accel::server::kserve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr DType kEveryDType[] = {DType::kBool, DType::kU8,     DType::kI8,     DType::kU16,
                                 DType::kI16,  DType::kU32,    DType::kI32,    DType::kU64,
                                 DType::kI64,  DType::kF8E4M3, DType::kF8E5M2, DType::kF16,
                                 DType::kBF16, DType::kF32,    DType::kF64};

std::string serialized(const std::vector<std::string>& strings) {
  std::string bytes;
  append_strings(strings, bytes);
  return bytes;
}

TEST(Datatypes, HaveOneNameEach) {
  for (const DType dtype : kEveryDType) {
    const std::string_view name = name_of(dtype);
    EXPECT_EQ(name.empty(), dtype == DType::kF8E4M3 || dtype == DType::kF8E5M2);
    if (name.empty()) continue;
    EXPECT_EQ(*parse_datatype(name), dtype) << name;
  }
  EXPECT_EQ(name_of(DType::kU8), "UINT8");
  EXPECT_EQ(name_of(kBytes), "BYTES");
  EXPECT_EQ(*parse_datatype("BYTES"), kBytes);
  EXPECT_EQ(*parse_datatype("BF16"), DType::kBF16);
  for (const std::string_view name : {"", "fp32", "STRING", "FP8"}) {
    EXPECT_THAT(parse_datatype(name).status().message(), HasSubstr("UINT64")) << name;
  }
}

TEST(Datatypes, FloatsOfSixteenBitsAreNotForJson) {
  EXPECT_FALSE(fits_json(DType::kF16));
  EXPECT_FALSE(fits_json(DType::kBF16));
  EXPECT_TRUE(fits_json(DType::kF32));
  EXPECT_TRUE(fits_json(kBytes));
}

TEST(Strings, ComeBackAsTheyWere) {
  const std::vector<std::string> strings = {"", "a", std::string("\0\xFF", 2),
                                            std::string(300, 'x')};
  const std::string bytes = serialized(strings);
  EXPECT_EQ(bytes.substr(0, 9), std::string("\0\0\0\0\1\0\0\0a", 9));
  EXPECT_EQ(bytes.size(), size_of_strings(strings));
  EXPECT_EQ(*parse_strings(bytes, 4), strings);
  EXPECT_TRUE(parse_strings("", 0)->empty());
}

TEST(Strings, MustBeExactlySoMany) {
  const std::string bytes = serialized({"ab", "c"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(parse_strings(bytes.substr(0, size), 2).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(parse_strings(bytes, 1).status().message(), HasSubstr("5 bytes behind them"));
  EXPECT_THAT(parse_strings(bytes, 3).status().message(), HasSubstr("3"));
  EXPECT_THAT(parse_strings(bytes, uint64_t{1} << 62).status().message(), HasSubstr("11 bytes"));
  EXPECT_THAT(parse_strings("\xFF\xFF\xFF\xFF"
                            "abc",
                            1)
                  .status()
                  .message(),
              HasSubstr("4294967295 bytes of string 0"));
  EXPECT_THAT(parse_strings(std::string("\0\0\0\0\0\0\0\0\0", 9), 2).status().message(),
              HasSubstr("1 bytes behind"));
}

TEST(TensorData, OfBytesIsAViewWhereItMayBe) {
  const auto owner = std::make_shared<const std::string>(64, 'x');
  const std::string_view bytes(*owner);
  const Result<TensorData> view = data_of_bytes(DType::kF32, {2, 1}, bytes.substr(8, 8), owner);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(static_cast<const void*>(std::get<Tensor>(*view).bytes().data()), bytes.data() + 8);
  EXPECT_EQ(owner.use_count(), 2);
  const Result<TensorData> copy = data_of_bytes(DType::kI64, {1}, bytes.substr(1, 8), owner);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(std::get<Tensor>(*copy).data<int64_t>()[0], 0x7878787878787878);
  EXPECT_EQ(owner.use_count(), 2);
  std::string back;
  append_bytes(*copy, back);
  EXPECT_EQ(back, "xxxxxxxx");
  EXPECT_EQ(byte_size_of(*copy), 8);
  EXPECT_EQ(data_of_bytes(DType::kU8, {0, 3}, "", nullptr).status().code(), StatusCode::kOk);
}

TEST(TensorData, MustBeWhatItsShapeSays) {
  const auto message = [](Datatype datatype, Shape shape, std::string_view bytes) {
    return data_of_bytes(datatype, std::move(shape), bytes, nullptr).status().message();
  };
  EXPECT_THAT(message(DType::kF32, {2}, "1234567"), HasSubstr("2 elements of 4 bytes"));
  EXPECT_THAT(message(DType::kF32, {2}, "123456789012"), HasSubstr("found 12 bytes"));
  EXPECT_THAT(message(DType::kU8, {-1}, ""), HasSubstr("found -1"));
  EXPECT_THAT(message(DType::kU8, Shape(17, 1), "1"), HasSubstr("16 axes, found 17"));
  // 2^61 elements of 8 bytes are 2^64.
  EXPECT_THAT(message(DType::kF64, {int64_t{1} << 31, int64_t{1} << 30}, ""),
              HasSubstr("found 0 bytes"));
  EXPECT_THAT(message(DType::kF64, {int64_t{1} << 32, int64_t{1} << 32}, ""),
              HasSubstr("fewer elements"));
  EXPECT_THAT(message(kBytes, {2}, std::string_view("\1\0\0\0a", 5)), HasSubstr("string"));
}

TEST(Classification, GivesTheBestOfEachRow) {
  const std::vector<float> values = {0.5F, 2.25F, -1, 2.25F, 1, NAN};
  const Tensor rows = Tensor::from<float>({2, 3}, values);
  const Result<Strings> best = best_classes(rows, 2);
  ASSERT_TRUE(best.ok());
  EXPECT_EQ(best->shape, (Shape{2, 2}));
  EXPECT_THAT(best->values, ElementsAre("2.250000:1", "0.500000:0", "2.250000:0", "1.000000:1"));
  const Result<Strings> alone = best_classes(rows.reshaped({6}), 100);
  EXPECT_EQ(alone->shape, (Shape{6}));
  EXPECT_THAT(alone->values, ElementsAre("2.250000:1", "2.250000:3", "1.000000:4", "0.500000:0",
                                         "-1.000000:2", "nan:5"));
  EXPECT_EQ(best_classes(rows.reshaped({2, 3, 1}), 1)->shape, (Shape{2, 1}));
  EXPECT_EQ(best_classes(Tensor::allocate(DType::kF64, {0, 3}), 1)->shape, (Shape{0, 0}));
  // 1.0 of both formats.
  Tensor half = Tensor::allocate(DType::kF16, {1});
  half.mutable_data()[1] = std::byte{0x3C};
  EXPECT_THAT(best_classes(half, 1)->values, ElementsAre("1.000000:0"));
  Tensor brain = Tensor::allocate(DType::kBF16, {1});
  brain.mutable_data()[0] = std::byte{0x80};
  brain.mutable_data()[1] = std::byte{0x3F};
  EXPECT_THAT(best_classes(brain, 1)->values, ElementsAre("1.000000:0"));
  EXPECT_THAT(best_classes(Tensor::allocate(DType::kI64, {3}), 1).status().message(),
              HasSubstr("INT64"));
}

}  // namespace
}  // namespace accel::server::kserve
