#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/protobuf.h"
#include "server/grpc/call_double.h"
#include "server/grpc/descriptors.h"
#include "server/grpc/methods.h"
#include "server/service_double.h"

namespace accel::server::grpc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(GrpcDescriptors, EveryMethodIsDescribed) {
  for (const Endpoint& method : methods()) {
    std::string symbol(method.path.substr(1));
    symbol[symbol.find('/')] = '.';
    EXPECT_FALSE(file_with_symbol(symbol).empty()) << symbol;
  }
}

TEST(GrpcDescriptors, FilesComeWithTheirImports) {
  EXPECT_THAT(file_by_name("grpc_service.proto"), SizeIs(2));
  EXPECT_THAT(file_by_name("model_config.proto"), SizeIs(1));
  EXPECT_THAT(file_with_symbol("inference.ModelMetadataResponse.TensorMetadata"), SizeIs(2));
  EXPECT_THAT(file_with_symbol("inference.DataType"), SizeIs(1));
  EXPECT_THAT(file_with_symbol("inference.Nothing"), IsEmpty());
  EXPECT_THAT(described_services(),
              ElementsAre("inference.GRPCInferenceService", "grpc.health.v1.Health",
                          "grpc.reflection.v1.ServerReflection",
                          "grpc.reflection.v1alpha.ServerReflection"));
}

class GrpcServerTest : public testing::Test {
 protected:
  ServiceDouble service_{embeddings_of};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{}, {.service = service_, .gate = *gate_}};
};

TEST_F(GrpcServerTest, TellsItsServicesToWhoAsks) {
  WireWriter question;
  question.text(1, "here");
  question.text(7, "");
  const CallAnswer answer =
      call(server_, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", question.take());
  ASSERT_TRUE(answer.status.ok()) << answer.status.to_string();
  ASSERT_THAT(answer.messages, SizeIs(1));
  std::vector<uint32_t> numbers;
  WireReader reader(answer.messages[0]);
  while (const auto field = reader.next()) numbers.push_back(field->number);
  EXPECT_THAT(numbers, ElementsAre(1, 2, 6));
}

TEST_F(GrpcServerTest, HealthFollowsTheServersState) {
  const std::string path = "/grpc.health.v1.Health/Check";
  EXPECT_THAT(call(server_, path, "").messages, ElementsAre("\x08\x02"));
  server_.state().set_ready(true);
  EXPECT_THAT(call(server_, path, "").messages, ElementsAre("\x08\x01"));
  WireWriter question;
  question.text(1, "inference.GRPCInferenceService");
  EXPECT_THAT(call(server_, path, question.take()).messages, ElementsAre("\x08\x01"));
  question.text(1, "other");
  EXPECT_EQ(call(server_, path, question.take()).status.code(), StatusCode::kNotFound);
}

TEST_F(GrpcServerTest, WhatIsNoMethodIsUnimplemented) {
  for (const char* path : {"/grpc.health.v1.Health/Watch", "/v1/embeddings", "/"}) {
    EXPECT_EQ(call(server_, path, "").status.code(), StatusCode::kUnimplemented) << path;
  }
  // And over plain HTTP there are no methods.
  EXPECT_EQ(ask(server_, {.method = "POST", .target = "/grpc.health.v1.Health/Check"}).status, 404);
}

}  // namespace
}  // namespace accel::server::grpc
