#include "server/kserve/infer_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/protobuf.h"

namespace accel::server::kserve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct WireInput {
  std::string name = "x";
  std::string datatype = "INT64";
  Shape shape = {2};
  std::function<void(WireWriter&)> contents = {};
};

std::string message_of(const std::vector<WireInput>& inputs,
                       const std::vector<std::string>& raw = {}) {
  WireWriter writer;
  writer.text(1, "bert");
  writer.text(3, "id 1");
  for (const WireInput& input : inputs) {
    writer.message(5, [&](WireWriter& one) {
      one.text(1, input.name);
      one.text(2, input.datatype);
      one.packed(3, input.shape);
      if (input.contents) one.message(5, input.contents);
    });
  }
  for (const std::string& bytes : raw) writer.text(7, bytes);
  return writer.take();
}

Status error_of(std::string message) {
  return parse_infer_message(std::move(message), {.items_max = 4, .tensor_bytes_max = 4096})
      .status();
}

TEST(InferMessage, RawNumbersAreViewsOfTheMessage) {
  const std::array<int64_t, 2> values{7, -8};
  const std::string bytes(reinterpret_cast<const char*>(values.data()), sizeof(values));
  const auto request = parse_infer_message(message_of({{}}, {bytes}), {});
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_EQ(request->model, "bert");
  EXPECT_EQ(request->id, "id 1");
  const auto& tensor = std::get<Tensor>(request->inputs[0].data);
  EXPECT_THAT(tensor.data<int64_t>(), ElementsAre(7, -8));
}

TEST(InferMessage, TypedNumbersArePackedOrNot) {
  const auto request =
      parse_infer_message(message_of({{.name = "a",
                                       .datatype = "INT8",
                                       .contents =
                                           [](WireWriter& w) {
                                             w.packed(2, std::array<int64_t, 2>{-1, 127});
                                           }},
                                      {.name = "b",
                                       .datatype = "BOOL",
                                       .contents =
                                           [](WireWriter& w) {
                                             w.flag(1, true);
                                             w.flag(1, false);
                                           }},
                                      {.name = "c",
                                       .datatype = "FP32",
                                       .contents =
                                           [](WireWriter& w) {
                                             w.real32(6, 0.5F);
                                             w.real32(6, -2);
                                           }},
                                      {.name = "d",
                                       .datatype = "FP64",
                                       .shape = {1},
                                       .contents = [](WireWriter& w) { w.real64(7, 0.25); }}}),
                          {});
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  const auto tensor = [&](size_t i) { return std::get<Tensor>(request->inputs[i].data); };
  EXPECT_THAT(tensor(0).data<int8_t>(), ElementsAre(-1, 127));
  EXPECT_THAT(tensor(1).data<bool>(), ElementsAre(true, false));
  EXPECT_THAT(tensor(2).data<float>(), ElementsAre(0.5F, -2));
  EXPECT_THAT(tensor(3).data<double>(), ElementsAre(0.25));
}

TEST(InferMessage, StringsAreBytes) {
  const auto request = parse_infer_message(message_of({{.datatype = "BYTES",
                                                        .contents =
                                                            [](WireWriter& w) {
                                                              w.text(8, "one");
                                                              w.text(8, "");
                                                            }}}),
                                           {});
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_THAT(std::get<Strings>(request->inputs[0].data).values, ElementsAre("one", ""));
}

TEST(InferMessage, ParametersKeepTheirKinds) {
  Parameters parameters;
  const auto entry = [](const char* name, const std::function<void(WireWriter&)>& value) {
    WireWriter writer;
    writer.text(1, name);
    writer.message(2, value);
    return writer.take();
  };
  ASSERT_TRUE(read_parameter_entry(entry("a", [](auto& w) { w.flag(1, true); }), parameters).ok());
  ASSERT_TRUE(read_parameter_entry(entry("b", [](auto& w) { w.integer(2, 7); }), parameters).ok());
  ASSERT_TRUE(read_parameter_entry(entry("c", [](auto& w) { w.text(3, "t"); }), parameters).ok());
  ASSERT_TRUE(read_parameter_entry(entry("d", [](auto& w) { w.real64(4, 0.5); }), parameters).ok());
  EXPECT_EQ(parameters["a"], Parameter(true));
  EXPECT_EQ(parameters["b"], Parameter(int64_t{7}));
  EXPECT_EQ(parameters["c"], Parameter("t"));
  EXPECT_EQ(parameters["d"], Parameter(0.5));
  const Status large =
      read_parameter_entry(entry("e", [](auto& w) { w.integer(5, UINT64_MAX); }), parameters);
  EXPECT_EQ(large.code(), StatusCode::kInvalidArgument);
}

TEST(InferMessage, WhatIsWrongIsNamed) {
  const auto ones = [](uint32_t field, size_t count) {
    return [=](WireWriter& w) { w.packed(field, std::vector<int64_t>(count, 1)); };
  };
  EXPECT_THAT(error_of("\x0a\x05").message(), HasSubstr("protobuf"));
  EXPECT_THAT(error_of(message_of({{.name = ""}})).message(), HasSubstr("name"));
  EXPECT_THAT(error_of(message_of({{.datatype = "INT65"}})).message(), HasSubstr("INT65"));
  EXPECT_THAT(error_of(message_of({{.shape = {-1}}})).message(), HasSubstr("-1"));
  EXPECT_THAT(error_of(message_of({{}})).message(), HasSubstr("found 0"));
  EXPECT_THAT(error_of(message_of({{.contents = ones(3, 3)}})).message(), HasSubstr("found more"));
  EXPECT_THAT(error_of(message_of({{.contents = ones(3, 1)}})).message(), HasSubstr("found 1"));
  EXPECT_THAT(error_of(message_of({{.contents = ones(2, 2)}})).message(), HasSubstr("others"));
  EXPECT_THAT(error_of(message_of({{.datatype = "INT8",
                                    .shape = {1},
                                    .contents = [](WireWriter& w) { w.integer(2, 128); }}}))
                  .message(),
              HasSubstr("128"));
  EXPECT_THAT(error_of(message_of({{}, {}}, {"0123456789abcdef"})).message(), HasSubstr("found 1"));
  EXPECT_THAT(error_of(message_of({{}}, {"01234567"})).message(), HasSubstr("8 bytes"));
  EXPECT_THAT(error_of(message_of({{.contents = ones(3, 2)}}, {"0123456789abcdef"})).message(),
              HasSubstr("both"));
  EXPECT_THAT(error_of(message_of({{.datatype = "FP16", .contents = ones(6, 2)}})).message(),
              HasSubstr("raw_input_contents only"));
  EXPECT_THAT(error_of(message_of({{.datatype = "BYTES", .shape = {5}}})).message(),
              HasSubstr("at most 4 strings"));
  EXPECT_THAT(error_of(message_of({{.shape = {1 << 20}, .contents = ones(3, 1)}})).message(),
              HasSubstr("at most 4096 bytes"));
}

TEST(InferMessage, AnAnswerIsRaw) {
  InferAnswer answer{.model = "bert", .version = "2", .id = "7"};
  answer.outputs.push_back({"y", Tensor::from<float>({2}, std::array{1.0F, 2.0F})});
  answer.outputs.push_back({"s", Strings{{1}, {"ab"}}});
  std::vector<std::string> raw;
  std::vector<std::string> heads;
  const std::string message = infer_message_of(answer);
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 5) heads.emplace_back(field->bytes);
    if (field->number == 6) raw.emplace_back(field->bytes);
  }
  ASSERT_EQ(heads.size(), 2);
  EXPECT_THAT(heads[0], HasSubstr("FP32"));
  EXPECT_EQ(raw, (std::vector<std::string>{std::string("\0\0\x80\x3f\0\0\0\x40", 8),
                                           std::string("\2\0\0\0ab", 6)}));
}

}  // namespace
}  // namespace accel::server::kserve
