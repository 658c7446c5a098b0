#include "server/grpc/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/grpc/status_headers.h"

namespace accel::server::grpc {
namespace {

using http::Coding;
using testing::HasSubstr;
using namespace std::string_literals;

std::vector<std::string> read_all(MessageReader& reader) {
  std::vector<std::string> messages;
  while (true) {
    auto message = reader.next();
    EXPECT_TRUE(message.ok()) << message.status().to_string();
    if (!message.ok() || !*message) return messages;
    messages.push_back(std::move(**message));
  }
}

std::string framed(std::initializer_list<std::string_view> messages) {
  std::string body;
  for (const std::string_view message : messages) append_message(message, body);
  return body;
}

TEST(GrpcMessages, AreWrittenWithTheirLength) {
  EXPECT_EQ(framed({"abc", ""}), "\0\0\0\0\3abc\0\0\0\0\0"s);
  EXPECT_EQ(framed({std::string(258, 'x')}).substr(0, 5), "\0\0\0\1\2"s);
}

TEST(GrpcMessages, AreReadHoweverTheyWereCut) {
  const std::string body = framed({"first", "", std::string(1000, 'x'), "last"});
  for (const size_t step : {size_t{1}, size_t{3}, size_t{7}, size_t{100}, body.size()}) {
    MessageReader reader(Coding::kIdentity, 1000);
    std::vector<std::string> messages;
    for (size_t at = 0; at < body.size(); at += step) {
      reader.add(std::string_view(body).substr(at, step));
      for (std::string& message : read_all(reader)) messages.push_back(std::move(message));
    }
    EXPECT_THAT(messages, testing::ElementsAre("first", "", std::string(1000, 'x'), "last"));
    EXPECT_TRUE(reader.empty());
  }
}

TEST(GrpcMessages, OfTooManyBytesAreRefusedBeforeTheyCome) {
  MessageReader reader(Coding::kIdentity, 1000);
  reader.add("\0\0\0\3\xe9"s);
  EXPECT_EQ(reader.next().status().code(), StatusCode::kResourceExhausted);
}

TEST(GrpcMessages, AreDecompressedUpToTheirBound) {
  const std::string packed = http::encode(Coding::kGzip, std::string(900, 'x'));
  std::string body = framed({packed});
  body[0] = 1;
  MessageReader reader(Coding::kGzip, 1000);
  reader.add(body);
  EXPECT_THAT(read_all(reader), testing::ElementsAre(std::string(900, 'x')));
  MessageReader narrow(Coding::kGzip, 899);
  narrow.add(body);
  EXPECT_EQ(narrow.next().status().code(), StatusCode::kResourceExhausted);
  MessageReader plain(Coding::kIdentity, 1000);
  plain.add(body);
  EXPECT_THAT(plain.next().status().message(), HasSubstr("grpc-encoding"));
}

TEST(GrpcMessages, OtherBytesAreNone) {
  MessageReader reader(Coding::kGzip, 1000);
  reader.add("\2\0\0\0\1x"s);
  EXPECT_EQ(reader.next().status().code(), StatusCode::kInvalidArgument);
  MessageReader broken(Coding::kGzip, 1000);
  broken.add("\1\0\0\0\3abc"s);
  EXPECT_EQ(broken.next().status().code(), StatusCode::kInvalidArgument);
}

TEST(GrpcStatus, TravelsInHeaders) {
  const Status status = not_found("no 100 % \xc3\xa4\n");
  const http::Headers headers = status_headers(status);
  EXPECT_EQ(http::find(headers, "grpc-status"), "5");
  EXPECT_EQ(http::find(headers, "grpc-message"), "no 100 %25 %C3%A4%0A");
  EXPECT_EQ(status_of(headers).code(), StatusCode::kNotFound);
  EXPECT_EQ(status_of(headers).message(), status.message());
  EXPECT_TRUE(status_of(status_headers({})).ok());
  EXPECT_EQ(status_of({}).code(), StatusCode::kUnknown);
  EXPECT_EQ(status_of({{"grpc-status", "17"}}).code(), StatusCode::kUnknown);
}

}  // namespace
}  // namespace accel::server::grpc
