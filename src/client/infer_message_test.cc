#include "client/infer_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/json.h"

namespace accel::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string length_of(const ServerCall& call) {
  const std::string& line = call.headers.at(1);
  return line.substr(line.find(": ") + 2);
}

Json head_of(const ServerCall& call) {
  return *parse_json(std::string_view(*call.body).substr(0, std::stoul(length_of(call))));
}

std::string binary_string(const std::string& text) {
  const auto length = static_cast<uint32_t>(text.size());
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + text;
}

TEST(InferCall, HasTheItemsAsBinaryData) {
  const ServerCall call = infer_call({.model = "org/a model",
                                      .task = "text-ranking",
                                      .options = {.top_k = 3, .targets = {{"a", "b"}}},
                                      .outputs = {"answer"},
                                      .items = {{.text = "query", .choices = {"one", "two"}}}});
  EXPECT_EQ(call.path, "/v2/models/org%2Fa%20model/infer");
  const Json head = head_of(call);
  EXPECT_EQ(head["parameters"], *parse_json(R"({"binary_data_output": true, "top_k": 3,
                                                "task": "text-ranking", "targets": "a,b"})"));
  EXPECT_EQ(head["inputs"][0], *parse_json(R"({"name": "text", "datatype": "BYTES", "shape": [1],
                                               "parameters": {"binary_data_size": 9}})"));
  EXPECT_EQ(head["inputs"][1]["name"], "choices");
  EXPECT_EQ(head["inputs"][1]["shape"], *parse_json("[1, 2]"));
  EXPECT_EQ(head["outputs"], *parse_json(R"([{"name": "answer"}])"));
  EXPECT_EQ(call.body->substr(std::stoul(length_of(call))),
            binary_string("query") + binary_string("one") + binary_string("two"));
}

TEST(InferCall, OfAFileOnlyItsBytes) {
  TaskInput image;
  image.media = std::string("\xFF\x00\xD8", 3);
  const ServerCall call = infer_call({.model = "m", .items = {image}});
  const Json head = head_of(call);
  ASSERT_EQ(head["inputs"].size(), 1U);
  EXPECT_EQ(head["inputs"][0]["name"], "media");
  EXPECT_FALSE(head.contains("outputs"));
  EXPECT_EQ(call.body->substr(std::stoul(length_of(call))), binary_string(*image.media));
}

struct Part {
  std::string name;
  std::string datatype;
  std::string shape;
  std::string bytes;
};

template <class T>
std::string bytes_of(std::vector<T> numbers) {
  return std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T));
}

Result<InferReply> reply_of(const std::vector<Part>& parts, const std::string& parameters = "{}") {
  Json head{{"parameters", *parse_json(parameters)}, {"outputs", Json::array()}};
  std::string binary;
  for (const Part& part : parts) {
    head["outputs"].push_back({{"name", part.name},
                               {"datatype", part.datatype},
                               {"shape", *parse_json(part.shape)},
                               {"parameters", {{"binary_data_size", part.bytes.size()}}}});
    binary += part.bytes;
  }
  const std::string text = head.dump();
  return parse_infer_reply(text + binary, std::to_string(text.size()));
}

TEST(InferReply, BecomesTheAnswerOfATask) {
  const auto labels =
      reply_of({{"answer", "BYTES", "[1]", binary_string(R"([{"label":"A","score":0.5}])")}},
               R"({"truncated": true})");
  ASSERT_TRUE(labels.ok()) << labels.status().message();
  const Result<TaskResult> result = result_of(*labels, "text-classification");
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_TRUE(result->truncated);
  EXPECT_EQ(to_json(*result), R"([{"label":"A","score":0.5}])");
}

TEST(InferReply, FeaturesKeepTheShapeOfTheirTask) {
  const std::string numbers = bytes_of<float>({1, 2, 3, 4});
  const auto shape = [&](const char* name, const char* of) {
    const auto result = result_of(*reply_of({{name, "FP32", of, numbers}}), "feature-extraction");
    EXPECT_TRUE(result.ok()) << result.status().message();
    return std::get<Features>(result->answer).values.shape();
  };
  EXPECT_EQ(shape("sentence_embedding", "[1, 4]"), (Shape{4}));
  EXPECT_EQ(shape("pooler_output", "[1, 4]"), (Shape{1, 4}));
  EXPECT_EQ(shape("last_hidden_state", "[1, 2, 2]"), (Shape{1, 2, 2}));
}

TEST(InferReply, HasTheClassesOfObjectsAndPixels) {
  EXPECT_THAT(outputs_for("object-detection"), ElementsAre("answer", "class_ids"));
  const std::string object =
      R"([{"score":1,"label":"a","box":{"xmin":0,"ymin":0,"xmax":1,"ymax":1}}])";
  const Part answer{"answer", "BYTES", "[1]", binary_string(object)};
  const auto found =
      result_of(*reply_of({answer, {"class_ids", "INT64", "[1]", bytes_of<int64_t>({17})}}),
                "object-detection");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(std::get<DetectedObjects>(found->answer)[0].class_id, 17);
  EXPECT_FALSE(result_of(*reply_of({answer}), "object-detection").ok());
  EXPECT_FALSE(
      result_of(*reply_of({answer, {"class_ids", "INT64", "[0]", ""}}), "object-detection").ok());

  const auto map = result_of(
      *reply_of(
          {{"answer", "BYTES", "[1]", binary_string(R"([{"score":null,"label":"sea","area":2}])")},
           {"class_map", "UINT16", "[1, 1, 2]", bytes_of<uint16_t>({300, 300})}}),
      "image-segmentation");
  ASSERT_TRUE(map.ok()) << map.status().message();
  const auto& pixels = std::get<Segmentation>(map->answer);
  EXPECT_EQ(pixels.width, 2);
  EXPECT_EQ(pixels.height, 1);
  EXPECT_THAT(pixels.classes, ElementsAre(300, 300));
}

TEST(InferReply, BecomesEmbeddings) {
  const auto reply = reply_of({{"sentence_embedding", "FP32", "[2, 1]", bytes_of<float>({1, 2})},
                               {"tokens", "INT64", "[2]", bytes_of<int64_t>({5, 6})},
                               {"truncated", "BOOL", "[2]", std::string("\x00\x01", 2)}});
  const auto result = embeddings_of(*reply, 2);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_THAT(result->embeddings.data<float>(), ElementsAre(1, 2));
  EXPECT_THAT(result->tokens, ElementsAre(5, 6));
  EXPECT_THAT(result->truncated, ElementsAre(false, true));
  EXPECT_EQ(embeddings_of(*reply, 3).status().code(), StatusCode::kUnavailable);
}

TEST(InferReply, WhatIsNoneIsRefused) {
  const std::string text = R"({"outputs": []})";
  EXPECT_TRUE(parse_infer_reply(text, std::to_string(text.size())).ok());
  EXPECT_THAT(parse_infer_reply(text, "").status().message(), HasSubstr("length of its JSON"));
  EXPECT_THAT(parse_infer_reply(text, "16").status().message(), HasSubstr("length of its JSON"));
  EXPECT_THAT(parse_infer_reply(text, "3").status().message(), HasSubstr("no JSON"));
  EXPECT_THAT(parse_infer_reply(text + "x", "15").status().message(), HasSubstr("more data"));
  const std::string json =
      R"({"outputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]})";
  EXPECT_THAT(parse_infer_reply(json, std::to_string(json.size())).status().message(),
              HasSubstr("numbers as text"));
  const auto half = reply_of({{"answer", "BYTES", "[1]", std::string("\x09\0\0\0a", 5)}});
  EXPECT_THAT(half->strings("answer").status().message(), HasSubstr("half a string"));
  const auto short_of = reply_of({{"a", "FP32", "[2]", "1234"}});
  EXPECT_FALSE(short_of->tensor("a", DType::kF32).ok());
  EXPECT_FALSE(short_of->tensor("a", DType::kI64).ok());
}

}  // namespace
}  // namespace accel::client
