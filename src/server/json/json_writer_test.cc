#include "server/json/json_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/json.h"

namespace accel::server {
namespace {

template <class Body>
std::string written(Body&& body) {
  std::string out;
  JsonWriter json(out);
  body(json);
  return out;
}

template <class T>
std::string value_text(const T& value) {
  return written([&](JsonWriter& json) { json.value(value); });
}

template <class T>
Tensor tensor_of(DType dtype, Shape shape, const std::vector<T>& values) {
  Tensor tensor = Tensor::allocate(dtype, std::move(shape));
  if (!values.empty()) {
    std::memcpy(tensor.mutable_data(), values.data(), values.size() * sizeof(T));
  }
  return tensor;
}

std::string tensor_text(const Tensor& tensor) {
  return written([&](JsonWriter& json) { json.tensor(tensor); });
}

TEST(JsonWriterTest, WritesNestedObjectsAndArrays) {
  const std::vector<float> row = {0.5F, -1, 1e-7F};
  const std::vector<std::string> texts = {"a", "\"b\""};
  std::string out = "before ";
  JsonWriter json(out);
  json.object([&] {
    json.member("model", "m");
    json.name("data");
    json.array([&] {
      json.object([] {});
      json.array([] {});
      json.object([&] {
        json.name("embedding");
        json.numbers(row);
        json.member("index", 0);
      });
      json.null();
    });
    json.member("texts", texts);
    json.member("ok", true);
    json.name("usage");
    json.raw("{\"tokens\":3}");
    json.member("last", std::string("x"));
  });
  EXPECT_EQ(
      out,
      "before {\"model\":\"m\",\"data\":[{},[],{\"embedding\":[0.5,-1,1e-07],\"index\":0},null],"
      "\"texts\":[\"a\",\"\\\"b\\\"\"],\"ok\":true,\"usage\":{\"tokens\":3},\"last\":\"x\"}");
  EXPECT_TRUE(parse_json(out.substr(7)).ok());
}

TEST(JsonWriterTest, EscapesWhatRfc8259Wants) {
  EXPECT_EQ(value_text("\"\\/\b\f\n\r\t"), R"("\"\\/\b\f\n\r\t")");
  EXPECT_EQ(value_text(std::string_view("a\0b\x01\x1F\x7F", 6)), "\"a\\u0000b\\u0001\\u001f\x7F\"");
  EXPECT_EQ(value_text("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"),
            "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  EXPECT_EQ(value_text("a\xFF\xC3z\xED\xA0\x80"),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(written([](JsonWriter& json) { json.object([&] { json.member("a\"\xFF", 1); }); }),
            "{\"a\\\"\xEF\xBF\xBD\":1}");
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  EXPECT_EQ(*parse_json(value_text(all)), Json(all));
}

TEST(JsonWriterTest, WritesNumbersWithTheFewestDigits) {
  EXPECT_EQ(value_text(0.1), "0.1");
  EXPECT_EQ(value_text(0.1F), "0.1");
  EXPECT_EQ(value_text(16777216.0F), "16777216");
  EXPECT_EQ(value_text(-0.0), "-0.0");  // readers of "-0" lose the sign
  EXPECT_EQ(value_text(5e-324), "5e-324");
  EXPECT_EQ(value_text(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
  EXPECT_EQ(value_text(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(value_text(-std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(value_text(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(value_text(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(value_text(uint8_t{200}), "200");
  EXPECT_EQ(value_text(int8_t{-5}), "-5");
  EXPECT_EQ(value_text(false), "false");
}

TEST(JsonWriterTest, FloatsComeBackAsTheyWere) {
  std::vector<float> floats;
  uint32_t state = 1;
  while (floats.size() < 20000) {
    state = state * 1664525 + 1013904223;
    const auto value = std::bit_cast<float>(state);
    if (std::isfinite(value)) floats.push_back(value);
  }
  const std::string text = written([&](JsonWriter& json) { json.numbers(floats); });
  const Result<Json> read = parse_json(text);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  ASSERT_EQ(read->size(), floats.size());
  for (size_t i = 0; i < floats.size(); ++i) {
    EXPECT_EQ(std::strtof((*read)[i].dump().c_str(), nullptr), floats[i]);
  }
  EXPECT_EQ(written([](JsonWriter& json) { json.numbers({}); }), "[]");
}

TEST(JsonWriterTest, WritesTensorsOfEachType) {
  const Shape two = {2};
  EXPECT_EQ(tensor_text(tensor_of<uint8_t>(DType::kBool, two, {1, 0})), "[true,false]");
  EXPECT_EQ(tensor_text(tensor_of<uint8_t>(DType::kU8, two, {0, 255})), "[0,255]");
  EXPECT_EQ(tensor_text(tensor_of<int8_t>(DType::kI8, two, {-128, 127})), "[-128,127]");
  EXPECT_EQ(tensor_text(tensor_of<uint16_t>(DType::kU16, two, {0, 65535})), "[0,65535]");
  EXPECT_EQ(tensor_text(tensor_of<int16_t>(DType::kI16, two, {-32768, 1})), "[-32768,1]");
  EXPECT_EQ(tensor_text(tensor_of<uint32_t>(DType::kU32, two, {0, 4294967295})), "[0,4294967295]");
  EXPECT_EQ(tensor_text(tensor_of<int32_t>(DType::kI32, two, {-1, 7})), "[-1,7]");
  EXPECT_EQ(tensor_text(tensor_of<uint64_t>(DType::kU64, two, {0, ~uint64_t{0}})),
            "[0,18446744073709551615]");
  EXPECT_EQ(tensor_text(tensor_of<int64_t>(DType::kI64, two, {-1, 1})), "[-1,1]");
  EXPECT_EQ(tensor_text(tensor_of<double>(DType::kF64, two, {0.1, 1e300})), "[0.1,1e+300]");
  EXPECT_EQ(tensor_text(tensor_of<float>(DType::kF32, two, {0.1F, NAN})), "[0.1,null]");
  EXPECT_EQ(tensor_text(tensor_of<uint16_t>(DType::kF16, {5}, {0x3C00, 0x2E66, 1, 0x7C00, 0xFBFF})),
            "[1,0.099975586,5.9604645e-08,null,-65504]");
  EXPECT_EQ(tensor_text(tensor_of<uint16_t>(DType::kBF16, {3}, {0x3F80, 0x7FC0, 0x8000})),
            "[1,null,-0.0]");
  EXPECT_EQ(tensor_text(tensor_of<uint8_t>(DType::kF8E4M3, {3}, {0x7E, 0x7F, 0x81})),
            "[448,null,-0.001953125]");
  EXPECT_EQ(tensor_text(tensor_of<uint8_t>(DType::kF8E5M2, two, {0x7B, 0x7C})), "[57344,null]");
}

TEST(JsonWriterTest, WritesTensorsInTheirShape) {
  const std::vector<int32_t> six = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(tensor_text(tensor_of(DType::kI32, {2, 3}, six)), "[[1,2,3],[4,5,6]]");
  EXPECT_EQ(tensor_text(tensor_of(DType::kI32, {3, 1, 2}, six)), "[[[1,2]],[[3,4]],[[5,6]]]");
  EXPECT_EQ(tensor_text(tensor_of<int32_t>(DType::kI32, {}, {7})), "7");
  EXPECT_EQ(tensor_text(tensor_of<int32_t>(DType::kI32, {0}, {})), "[]");
  EXPECT_EQ(tensor_text(tensor_of<int32_t>(DType::kI32, {2, 0}, {})), "[[],[]]");
  EXPECT_EQ(tensor_text(tensor_of<int32_t>(DType::kI32, {0, 2}, {})), "[]");
  EXPECT_EQ(written([&](JsonWriter& json) {
              json.object([&] {
                json.name("data");
                json.flat(tensor_of(DType::kI32, {2, 3}, six));
                json.name("more");
                json.tensor(tensor_of(DType::kI32, {6}, six));
                json.member("end", 1);
              });
            }),
            "{\"data\":[1,2,3,4,5,6],\"more\":[1,2,3,4,5,6],\"end\":1}");
}

TEST(JsonWriterTest, WritesLongRows) {
  std::vector<int64_t> numbers(1000);
  Json expected = Json::array();
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::numeric_limits<int64_t>::min() + static_cast<int64_t>(i);
    expected.push_back(numbers[i]);
  }
  EXPECT_EQ(tensor_text(tensor_of(DType::kI64, {1000}, numbers)), expected.dump());
}

}  // namespace
}  // namespace accel::server
