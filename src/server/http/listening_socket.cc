#include "server/http/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/try.h"

namespace accel::http {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

Status socket_error(int error, const std::string& name) {
  const std::string text = fmt::format("cannot listen on {}: {}", name, std::strerror(error));
  switch (error) {
    case EADDRINUSE: return already_exists(text + "; choose another, or end what listens there");
    case EACCES:
    case EPERM: return permission_denied(text + "; ports below 1024 need a privilege");
    case ENOENT:
    case ENOTDIR: return not_found(text + "; make its folder first");
    case EADDRNOTAVAIL: return invalid_argument(text + "; expected an address of this machine");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return resource_exhausted(text);
    default: return unavailable(text);
  }
}

// Whether somebody accepts connections there.
bool is_listened_on(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // cannot be known
  const int code = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool refused = code != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return !refused;
}

Status make_way(const sockaddr_un& address, const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return already_exists(
        fmt::format("cannot listen on unix:{}: expected no file or a socket, found another file; "
                    "choose another path or remove it",
                    path));
  }
  if (is_listened_on(address)) return socket_error(EADDRINUSE, "unix:" + path);
  if (::unlink(path.c_str()) != 0) return socket_error(errno, "unix:" + path);
  return {};
}

Visitor visitor_of(int fd, const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const auto v4_peer = [&](const in_addr& host, in_port_t port) {
    ::inet_ntop(AF_INET, &host, text, sizeof(text));
    return Visitor{.fd = fd,
                   .peer = fmt::format("{}:{}", text, ntohs(port)),
                   .loopback = (ntohl(host.s_addr) >> 24) == 127};
  };
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return v4_peer(v4.sin_addr, v4.sin_port);
  }
  if (address.ss_family != AF_INET6) return {.fd = fd, .peer = "unix", .loopback = true};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {  // of a taken-over socket that speaks both
    in_addr host = {};
    std::memcpy(&host, v6.sin6_addr.s6_addr + 12, sizeof(host));
    return v4_peer(host, v6.sin6_port);
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return {.fd = fd,
          .peer = fmt::format("[{}]:{}", text, ntohs(v6.sin6_port)),
          .loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0};
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      port_(other.port_),
      file_(std::exchange(other.file_, {})),
      file_device_(other.file_device_),
      file_number_(other.file_number_) {}

void ListeningSocket::close() {
  struct stat status = {};
  if (!file_.empty() && ::lstat(file_.c_str(), &status) == 0 && status.st_dev == file_device_ &&
      status.st_ino == file_number_) {
    ::unlink(file_.c_str());
  }
  file_.clear();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<ListeningSocket> ListeningSocket::open(const Listener& listener) {
  if (listener.fd >= 0) return take_over(listener.fd);
  if (listener.address.starts_with(kUnixPrefix)) {
    return open_unix(listener.address.substr(kUnixPrefix.size()));
  }
  return open_address(listener);
}

Status ListeningSocket::listen_on(const sockaddr* address, socklen_t size,
                                  const std::string& name) {
  fd_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return socket_error(errno, name);
  const int on = 1;
  if (address->sa_family != AF_UNIX) ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address->sa_family == AF_INET6) ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (::bind(fd_, address, size) != 0 || ::listen(fd_, SOMAXCONN) != 0) {
    return socket_error(errno, name);
  }
  read_port();
  return {};
}

Result<ListeningSocket> ListeningSocket::open_unix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return invalid_argument(fmt::format("expected \"unix:\" and a path of 1 to {} bytes, found {}",
                                        sizeof(address.sun_path) - 1, path.size()));
  }
  path.copy(address.sun_path, path.size());
  ACCEL_TRY(make_way(address, path));
  ListeningSocket made;
  const auto* bare = reinterpret_cast<const sockaddr*>(&address);
  ACCEL_TRY(made.listen_on(bare, sizeof(address), kUnixPrefix.data() + path));
  struct stat status = {};
  if (::lstat(path.c_str(), &status) == 0) {
    made.file_ = path;
    made.file_device_ = status.st_dev;
    made.file_number_ = status.st_ino;
  }
  return made;
}

Result<ListeningSocket> ListeningSocket::open_address(const Listener& listener) {
  addrinfo wanted = {};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(listener.port);
  if (listener.address.empty() ||
      ::getaddrinfo(listener.address.c_str(), port.c_str(), &wanted, &list) != 0) {
    return invalid_argument(fmt::format(
        "expected an IPv4 or IPv6 address such as 127.0.0.1 or ::1, or \"unix:/path\", to listen "
        "on; found \"{}\"",
        listener.address));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
  ListeningSocket made;
  const bool v6 = list->ai_family == AF_INET6;
  ACCEL_TRY(made.listen_on(
      list->ai_addr, list->ai_addrlen,
      fmt::format(fmt::runtime(v6 ? "[{}]:{}" : "{}:{}"), listener.address, listener.port)));
  return made;
}

Result<ListeningSocket> ListeningSocket::take_over(int fd) {
  ListeningSocket made;
  made.fd_ = fd;
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return invalid_argument(
        fmt::format("expected file descriptor {} to be a socket that listens, found another", fd));
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  made.read_port();
  return made;
}

Result<std::optional<Visitor>> ListeningSocket::accept() {
  for (;;) {
    sockaddr_storage address = {};
    socklen_t size = sizeof(address);
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;  // of sockets other than TCP's without effect
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return std::optional<Visitor>(visitor_of(fd, address));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<Visitor>();
    if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) {
      return unavailable(fmt::format("cannot accept a connection: {}", std::strerror(errno)));
    }
  }
}

void ListeningSocket::read_port() {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
  if (address.ss_family == AF_INET) {
    port_ = ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  } else if (address.ss_family == AF_INET6) {
    port_ = ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
}

}  // namespace accel::http
