// KServe's methods over gRPC: what they ask of the service, and how they write its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/protobuf.h"
#include "server/grpc/call_double.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using grpc::CallAnswer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kGrpcService = "/inference.GRPCInferenceService/";

service::ServedModel grpc_bert() {
  ModelReport facts{.source = "native"};
  facts.inputs = {{"input_ids", DType::kI64, {-1, -1}}};
  facts.outputs = {{"logits", DType::kF32, {-1, 2}}, {"odd", DType::kF8E4M3, {1}}};
  ModelStatistics statistics{
      .failed = 1, .batches = 4, .rows = 9, .shares = {{.worked_seconds = 0.5}}};
  return {.state = {.name = "bert", .version = 2, .state = ModelState::kLoaded},
          .versions = {2},
          .facts = facts,
          .statistics = statistics};
}

std::vector<Result<service::Event>> grpc_answer(const service::Request& request) {
  if (const auto* describe = std::get_if<service::Describe>(&request)) {
    if (!describe->model.empty() && !describe->model.starts_with("bert")) {
      return {not_found("there is no " + describe->model)};
    }
    service::ServedModels models{.models = {grpc_bert()}};
    if (describe->model.empty()) models.models.push_back({.state = {.name = "idle"}});
    return {service::Event(std::move(models))};
  }
  if (std::holds_alternative<service::RunTensors>(request)) {
    InferResult result;
    result.outputs = {{"logits", Tensor::from<float>({1, 2}, std::array{0.5F, 2.0F})}};
    return {service::Event(std::move(result))};
  }
  if (std::holds_alternative<service::RunItems>(request)) return embeddings_of(request);
  return {service::Event(service::Done{})};
}

// The bytes of a message's field, each time it is there.
std::vector<std::string> fields(std::string_view message, uint32_t number) {
  std::vector<std::string> found;
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number != number) continue;
    found.push_back(field->type == WireType::kBytes ? std::string(field->bytes)
                                                    : std::to_string(field->value));
  }
  return found;
}

class KserveGrpcTest : public testing::Test {
 protected:
  CallAnswer ask_method(std::string_view method, std::string message) {
    return grpc::call(server_, std::string(kGrpcService) + std::string(method), message);
  }
  std::string answer_of(std::string_view method, std::string message) {
    const CallAnswer answer = ask_method(method, std::move(message));
    EXPECT_TRUE(answer.status.ok()) << answer.status.to_string();
    return answer.messages.empty() ? "" : answer.messages[0];
  }
  static std::string named(std::string_view name, std::string_view version = "") {
    WireWriter writer;
    writer.text(1, name);
    writer.text(2, version);
    return writer.take();
  }
  static std::string inference(std::string_view model) {
    WireWriter writer;
    writer.text(1, model);
    writer.text(3, "7");
    writer.message(5, [](WireWriter& input) {
      input.text(1, "input_ids");
      input.text(2, "INT64");
      input.packed(3, std::array<int64_t, 2>{1, 1});
    });
    writer.text(7, std::string_view("\5\0\0\0\0\0\0\0", 8));
    return writer.take();
  }

  ServiceDouble service_{grpc_answer};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{}, {.service = service_, .gate = *gate_}};
};

TEST_F(KserveGrpcTest, TheServerTellsWhatItIs) {
  EXPECT_EQ(answer_of("ServerLive", ""), "\x08\x01");
  EXPECT_THAT(fields(answer_of("ServerReady", ""), 1), ElementsAre("0"));
  const std::string metadata = answer_of("ServerMetadata", "");
  EXPECT_THAT(fields(metadata, 1), ElementsAre("accel"));
  EXPECT_THAT(fields(metadata, 3), testing::Contains("binary_tensor_data"));
}

TEST_F(KserveGrpcTest, ModelsAreDescribed) {
  EXPECT_THAT(fields(answer_of("ModelReady", named("bert")), 1), ElementsAre("1"));
  const std::string metadata = answer_of("ModelMetadata", named("bert", "2"));
  EXPECT_EQ(std::get<service::Describe>(service_.requests.back()).model, "bert:2");
  EXPECT_THAT(fields(metadata, 2), ElementsAre("2"));
  EXPECT_THAT(fields(metadata, 3), ElementsAre("accel_native"));
  EXPECT_THAT(fields(metadata, 5), ElementsAre(HasSubstr("logits")));  // f8 has no name
  const std::string config = answer_of("ModelConfig", named("bert"));
  EXPECT_THAT(fields(fields(config, 1)[0], 17), ElementsAre("accel"));
  const std::string index = answer_of("RepositoryIndex", "");
  EXPECT_THAT(fields(index, 1), SizeIs(2));
  EXPECT_THAT(fields(answer_of("RepositoryIndex", "\x10\x01"), 1), SizeIs(1));
  const std::string statistics = answer_of("ModelStatistics", "");
  EXPECT_THAT(fields(fields(statistics, 1)[0], 4), ElementsAre("9"));
  EXPECT_EQ(ask_method("ModelReady", named("none")).status.code(), StatusCode::kNotFound);
  EXPECT_EQ(ask_method("ModelReady", "").status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ask_method("ModelMetadata", "\x0a").status.code(), StatusCode::kInvalidArgument);
}

TEST_F(KserveGrpcTest, TensorsAreInferred) {
  const CallAnswer answer = ask_method("ModelInfer", inference("bert"));
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
  const std::string& message = answer.messages[0];
  EXPECT_THAT(fields(message, 1), ElementsAre("bert"));
  EXPECT_THAT(fields(message, 3), ElementsAre("7"));
  EXPECT_THAT(fields(message, 6), ElementsAre(std::string("\0\0\0\x3f\0\0\0\x40", 8)));
  EXPECT_FALSE(http::find(answer.headers, "x-request-id").empty());
  EXPECT_EQ(ask_method("ModelInfer", named("bert")).status.code(), StatusCode::kInvalidArgument);
}

TEST_F(KserveGrpcTest, AStreamAnswersEachOfItsRequests) {
  const auto exchange =
      server_.open(grpc::call_head(std::string(kGrpcService) + "ModelStreamInfer"));
  std::string body;
  grpc::append_message(inference("bert"), body);
  grpc::append_message(named("bert"), body);  // has no inputs
  grpc::append_message(inference("bert"), body);
  exchange->more(body, /*last=*/true);
  CallAnswer answer{.status = {StatusCode::kUnknown, "no end"}};
  grpc::MessageReader reader(http::Coding::kIdentity, 1 << 20);
  grpc::pull_answer(*exchange, answer, reader);
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
  ASSERT_THAT(answer.messages, SizeIs(3));
  EXPECT_THAT(fields(fields(answer.messages[0], 2)[0], 3), ElementsAre("7"));
  EXPECT_THAT(fields(answer.messages[1], 1), ElementsAre(HasSubstr("input")));
  EXPECT_THAT(fields(answer.messages[2], 2), SizeIs(1));
}

TEST_F(KserveGrpcTest, ModelsAreLoadedAndUnloaded) {
  WireWriter named_model;
  named_model.text(2, "bert");
  const std::string message = named_model.take();
  EXPECT_EQ(answer_of("RepositoryModelLoad", message), "");
  EXPECT_EQ(std::get<service::Load>(service_.requests.back()).model, "bert");
  EXPECT_EQ(answer_of("RepositoryModelUnload", message), "");
  EXPECT_EQ(std::get<service::Unload>(service_.requests.back()).model, "bert");
  EXPECT_EQ(ask_method("RepositoryModelLoad", "").status.code(), StatusCode::kInvalidArgument);
}

TEST_F(KserveGrpcTest, ATimeoutIsTheCallsOwn) {
  const std::string path = std::string(kGrpcService) + "ModelInfer";
  grpc::call(server_, path, inference("bert"), {{"grpc-timeout", "2500m"}});
  EXPECT_EQ(std::get<service::RunTensors>(service_.requests.back()).timeout_ms, 2500);
  grpc::call(server_, path, inference("bert"), {{"grpc-timeout", "3S"}});
  EXPECT_EQ(std::get<service::RunTensors>(service_.requests.back()).timeout_ms, 3000);
  for (const char* wrong : {"5", "m", "123456789m", "-1S", "1x"}) {
    const CallAnswer answer =
        grpc::call(server_, path, inference("bert"), {{"grpc-timeout", wrong}});
    EXPECT_EQ(answer.status.code(), StatusCode::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace accel::server
