#include "client/server_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::client {
namespace {

TEST(ServerUrl, IsOfHttpOrASocket) {
  EXPECT_EQ(parse_server_url("http://localhost:8000/")->base, "http://localhost:8000");
  EXPECT_EQ(parse_server_url("https://host/behind/proxy//")->base, "https://host/behind/proxy");
  const auto socket = parse_server_url("unix:/run/accel.sock");
  EXPECT_EQ(socket->unix_socket, "/run/accel.sock");
  EXPECT_EQ(socket->base, "http://localhost");
  EXPECT_EQ(socket->shown, "unix:/run/accel.sock");
}

TEST(ServerUrl, AnythingElseIsRefused) {
  for (const char* text :
       {"", "localhost:8000", "ftp://host", "http://", "http:///path", "http://:80",
        "http://user:secret@host", "http://host?q", "http://a b", "unix:", "http://host#x"}) {
    const Status status = parse_server_url(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message().find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace accel::client
