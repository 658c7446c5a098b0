#include "cli/systemd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <optional>

#include "base/try.h"

namespace accel::cli {
namespace {

constexpr int kFirstFd = 3;
constexpr int64_t kSocketsMax = 64;

std::string_view text_of(const EnvironmentVariable& variable, const char* name) {
  const char* text = variable(name);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::string shown_address(int family, const void* host) {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(family, host, text, sizeof(text));
  return text;
}

}  // namespace

Result<std::vector<GivenSocket>> given_sockets(const EnvironmentVariable& variable, pid_t self) {
  const std::string_view pid = text_of(variable, "LISTEN_PID");
  const std::string_view fds = text_of(variable, "LISTEN_FDS");
  if (pid.empty() || fds.empty()) return std::vector<GivenSocket>();
  const auto meant = whole_number(pid);
  const auto count = whole_number(fds);
  if (!meant || !count || *count > kSocketsMax) {
    return invalid_argument(fmt::format(
        "expected LISTEN_PID and LISTEN_FDS to be numbers, the second at most {}, found '{}' and "
        "'{}'",
        kSocketsMax, pid, fds));
  }
  std::vector<GivenSocket> sockets;
  if (*meant != self) return sockets;
  std::string_view names = text_of(variable, "LISTEN_FDNAMES");
  for (int i = 0; i < static_cast<int>(*count); ++i) {
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    sockets.push_back({.fd = kFirstFd + i, .name = std::string(name)});
  }
  return sockets;
}

Result<ListenAddress> address_of(const std::vector<GivenSocket>& sockets, std::string_view name) {
  const auto found = std::ranges::find_if(
      sockets, [&](const GivenSocket& one) { return name.empty() || one.name == name; });
  if (found == sockets.end()) {
    std::string names;
    for (const GivenSocket& one : sockets) names += fmt::format(" '{}'", one.name);
    return not_found(fmt::format(
        "expected a socket{} from systemd, found {}; start the socket unit, whose "
        "FileDescriptorName= is the name",
        name.empty() ? "" : fmt::format(" called '{}'", name), names.empty() ? "none" : names));
  }
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  ListenAddress listen{.fd = found->fd};
  ::fcntl(found->fd, F_SETFD, FD_CLOEXEC);  // not for worker processes
  if (::getsockname(found->fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    if (address.ss_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
      listen.address = shown_address(AF_INET, &v4.sin_addr);
      listen.port = ntohs(v4.sin_port);
      return listen;
    }
    if (address.ss_family == AF_INET6) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
      listen.address = shown_address(AF_INET6, &v6.sin6_addr);
      listen.port = ntohs(v6.sin6_port);
      return listen;
    }
    if (address.ss_family == AF_UNIX) {
      const auto& path = reinterpret_cast<const sockaddr_un&>(address);
      const size_t length = size - offsetof(sockaddr_un, sun_path);
      std::string text(path.sun_path, length);
      if (!text.empty() && text.front() == '\0') text.front() = '@';
      listen.address = "unix:" + text.substr(0, text.find('\0'));
      return listen;
    }
  }
  return invalid_argument(fmt::format(
      "expected file descriptor {} to be a TCP or UNIX socket, found another", found->fd));
}

ServiceNotifier::ServiceNotifier(const EnvironmentVariable& variable, pid_t self)
    : address_(text_of(variable, "NOTIFY_SOCKET")) {
  const auto usual = whole_number(text_of(variable, "WATCHDOG_USEC"));
  const std::string_view pid = text_of(variable, "WATCHDOG_PID");
  if (usual && (pid.empty() || whole_number(pid) == self)) {
    alive_seconds_ = static_cast<double>(*usual) / 2e6;
  }
  const bool known = address_.starts_with('/') || address_.starts_with('@');
  if (!known || address_.size() >= sizeof(sockaddr_un::sun_path)) return;
  if (address_.front() == '@') address_.front() = '\0';
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

ServiceNotifier::~ServiceNotifier() {
  if (fd_ >= 0) ::close(fd_);
}

void ServiceNotifier::send(std::string_view lines) const {
  if (fd_ < 0) return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  address_.copy(address.sun_path, address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  (void)::sendto(fd_, lines.data(), lines.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

void ServiceNotifier::ready(std::string_view status) const {
  send(fmt::format("READY=1\nSTATUS={}", status));
}

void ServiceNotifier::reloading() const {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reading what is served again",
                   int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

void ServiceNotifier::stopping() const {
  send("STOPPING=1\nSTATUS=finishing the requests under way");
}

void ServiceNotifier::status(std::string_view text) const { send(fmt::format("STATUS={}", text)); }

void ServiceNotifier::alive() const {
  if (alive_seconds_ > 0) send("WATCHDOG=1");
}

}  // namespace accel::cli
