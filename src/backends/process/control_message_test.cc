#include "backends/process/control_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/signature.h"

namespace accel::backend {
namespace {

using ::testing::ElementsAre;

TEST(ControlMessages, RequestsComeBackAsTheyWere) {
  const WorkerRequest request{.wanted = Wanted::kCompile,
                              .build = "1.0",
                              .backend = "openvino",
                              .options = {.device = "GPU.1",
                                          .precision = Precision::kBF16,
                                          .streams = 3,
                                          .threads = 4,
                                          .own_kernels = false,
                                          .profile = true,
                                          .lone_graph = true}};
  const auto again = decode_request(encode(request));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->wanted, Wanted::kCompile);
  EXPECT_EQ(again->build, "1.0");
  EXPECT_EQ(again->backend, "openvino");
  EXPECT_EQ(again->options.device, "GPU.1");
  EXPECT_EQ(again->options.precision, Precision::kBF16);
  EXPECT_EQ(again->options.streams, 3);
  EXPECT_EQ(again->options.threads, 4);
  EXPECT_FALSE(again->options.own_kernels);
  EXPECT_TRUE(again->options.profile);
  EXPECT_TRUE(again->options.lone_graph);
  for (const Wanted wanted : {Wanted::kSession, Wanted::kLayers, Wanted::kExport}) {
    EXPECT_EQ(decode_request(encode(WorkerRequest{.wanted = wanted}))->wanted, wanted);
  }
}

TEST(ControlMessages, RepliesComeBackAsTheyWere) {
  const LayerReport step{.name = "b", .type = "MatMul", .seconds = 0.25};
  const WorkerReply reply{
      .executed = {.device = "CPU",
                   .precision = Precision::kF16,
                   .streams = 2,
                   .threads = 5,
                   .kernels = "accel-avx2"},
      .signature = {.inputs = {{"ids", DType::kI64, {-1, 7}}}, .outputs = {{"y", DType::kF32, {}}}},
      .layers = {.layers = {{.name = "a\xFF", .fused = {"c", "d"}, .steps = {step}}},
                 .runs = 9,
                 .seconds = 1.5}};
  const auto again = decode_reply(encode(reply));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->executed.device, "CPU");
  EXPECT_EQ(again->executed.precision, Precision::kF16);
  EXPECT_EQ(again->executed.streams, 2);
  EXPECT_EQ(again->executed.threads, 5);
  EXPECT_EQ(again->executed.kernels, "accel-avx2");
  EXPECT_EQ(describe(again->signature.inputs.at(0)), "ids i64[?, 7]");
  EXPECT_EQ(describe(again->signature.outputs.at(0)), "y f32[]");
  ASSERT_EQ(again->layers.layers.size(), 1);
  EXPECT_EQ(again->layers.layers[0].name, "a\xEF\xBF\xBD");
  EXPECT_THAT(again->layers.layers[0].fused, ElementsAre("c", "d"));
  EXPECT_EQ(again->layers.layers[0].steps.at(0).seconds, 0.25);
  EXPECT_EQ(again->layers.runs, 9);
  EXPECT_EQ(again->layers.seconds, 1.5);
}

TEST(ControlMessages, ErrorsComeBackAsTheyWere) {
  const auto again = decode_reply(encode(WorkerReply{.status = not_found("device 'X'")}));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status.to_string(), "NOT_FOUND: device 'X'");
}

TEST(ControlMessages, OtherBytesAreRefused) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"wanted":"more"})", R"({"wanted":"compile"})",
        R"({"wanted":"check","build":"","backend":"","options":{}})", R"({"wanted":3})"}) {
    EXPECT_EQ(decode_request(text).status().code(), StatusCode::kDataLoss) << text;
  }
  for (const char* text : {"", "[]", "{}", R"({"code":0})", R"({"code":17,"message":""})",
                           R"({"code":-1,"message":""})", R"({"code":4})"}) {
    EXPECT_EQ(decode_reply(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace accel::backend
