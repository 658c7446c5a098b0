#include "cli/systemd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <map>

namespace accel::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr pid_t kSelf = 77;

EnvironmentVariable of(const std::map<std::string, std::string>& values) {
  return [values](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

TEST(GivenSockets, AreThoseOfThisProcess) {
  EXPECT_THAT(*given_sockets(of({}), kSelf), IsEmpty());
  EXPECT_THAT(*given_sockets(of({{"LISTEN_PID", "78"}, {"LISTEN_FDS", "1"}}), kSelf), IsEmpty());
  EXPECT_THAT(*given_sockets(of({{"LISTEN_PID", "77"}, {"LISTEN_FDS", "2"}}), kSelf),
              ElementsAre(GivenSocket{3, ""}, GivenSocket{4, ""}));
  EXPECT_THAT(
      *given_sockets(
          of({{"LISTEN_PID", "77"}, {"LISTEN_FDS", "3"}, {"LISTEN_FDNAMES", "http:admin"}}), kSelf),
      ElementsAre(GivenSocket{3, "http"}, GivenSocket{4, "admin"}, GivenSocket{5, ""}));
}

TEST(GivenSockets, ThatAreNoNumberAreRefused) {
  for (const char* fds : {"-1", "x", "1x", "65", "99999999999999999999"}) {
    EXPECT_FALSE(given_sockets(of({{"LISTEN_PID", "77"}, {"LISTEN_FDS", fds}}), kSelf).ok()) << fds;
  }
  EXPECT_TRUE(given_sockets(of({{"LISTEN_PID", ""}, {"LISTEN_FDS", "1"}}), kSelf)->empty());
  EXPECT_FALSE(given_sockets(of({{"LISTEN_PID", "me"}, {"LISTEN_FDS", "1"}}), kSelf).ok());
}

TEST(GivenSockets, AreFoundByName) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const std::vector<GivenSocket> sockets{{pipe_ends[0], "pipe"}, {ends[0], "http"}};
  const auto found = address_of(sockets, "http");
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->fd, ends[0]);
  EXPECT_THAT(found->address, StartsWith("unix:"));
  EXPECT_EQ(address_of(sockets, "").status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(address_of(sockets, "other").status().message(), HasSubstr("'pipe' 'http'"));
  EXPECT_THAT(address_of({}, "").status().message(), HasSubstr("found none"));
  for (const int fd : {ends[0], ends[1], pipe_ends[0], pipe_ends[1]}) ::close(fd);
}

// A manager's end, under an abstract name.
class NotifierTest : public testing::Test {
 protected:
  NotifierTest() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;  // bound to a name that the system chooses
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const size_t length = size - offsetof(sockaddr_un, sun_path) - 1;
    name_ = "@" + std::string(address.sun_path + 1, length);
  }
  ~NotifierTest() override { ::close(fd_); }

  std::string received() const {
    char text[512];
    const ssize_t size = ::recv(fd_, text, sizeof(text), 0);
    return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
  }

  const int fd_;
  std::string name_;
};

TEST_F(NotifierTest, TellsHowTheServiceDoes) {
  const ServiceNotifier notifier(of({{"NOTIFY_SOCKET", name_}}), kSelf);
  notifier.ready("ready: a");
  EXPECT_EQ(received(), "READY=1\nSTATUS=ready: a");
  notifier.reloading();
  EXPECT_THAT(received(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  notifier.stopping();
  EXPECT_THAT(received(), StartsWith("STOPPING=1"));
  notifier.status("x");
  EXPECT_EQ(received(), "STATUS=x");
  notifier.alive();  // nobody wants it
  EXPECT_EQ(received(), "");
}

TEST_F(NotifierTest, IsAliveWhereTheWatchdogWantsIt) {
  const ServiceNotifier notifier(
      of({{"NOTIFY_SOCKET", name_}, {"WATCHDOG_USEC", "3000000"}, {"WATCHDOG_PID", "77"}}), kSelf);
  EXPECT_EQ(notifier.alive_seconds(), 1.5);
  notifier.alive();
  EXPECT_EQ(received(), "WATCHDOG=1");
  const ServiceNotifier other(of({{"WATCHDOG_USEC", "3000000"}, {"WATCHDOG_PID", "78"}}), kSelf);
  EXPECT_EQ(other.alive_seconds(), 0);
}

TEST_F(NotifierTest, SaysNothingToNobody) {
  const std::string long_name = "/" + std::string(200, 'x');
  for (const std::string& name : {std::string(), std::string("relative"), std::string("/none"),
                                  std::string("vsock:2:1"), long_name}) {
    const ServiceNotifier notifier(of({{"NOTIFY_SOCKET", name}}), kSelf);
    notifier.ready("x");
  }
  EXPECT_EQ(received(), "");
}

}  // namespace
}  // namespace accel::cli
