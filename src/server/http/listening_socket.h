// Sockets that listen, and who knocks.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "accel/status.h"
#include "server/http/http_server.h"

namespace accel::http {

struct Visitor {
  int fd = -1;       // does not block; whoever takes it owns it
  std::string peer;  // "127.0.0.1:40312", "[::1]:40312", "unix"
  bool loopback = false;
};

// Owns its descriptor, which does not block; a socket file that it made is removed with it.
class ListeningSocket {
 public:
  // As the options of HttpServer::create() say. A socket file that nobody listens on is replaced.
  static Result<ListeningSocket> open(const Listener& listener);
  ~ListeningSocket() { close(); }
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;

  // The next who knocks; nothing when nobody does. UNAVAILABLE when it cannot be tried again at
  // once: descriptors or memory are short.
  Result<std::optional<Visitor>> accept();
  void close();
  int fd() const { return fd_; }
  uint16_t port() const { return port_; }  // 0 of unix sockets

 private:
  ListeningSocket() = default;
  static Result<ListeningSocket> open_unix(const std::string& path);
  static Result<ListeningSocket> open_address(const Listener& listener);
  static Result<ListeningSocket> take_over(int fd);
  Status listen_on(const sockaddr* address, socklen_t size, const std::string& name);
  void read_port();

  int fd_ = -1;
  uint16_t port_ = 0;
  std::string file_;  // that it made, and which it is
  dev_t file_device_ = 0;
  ino_t file_number_ = 0;
};

}  // namespace accel::http
