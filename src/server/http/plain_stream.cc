#include <sys/socket.h>

#include <cerrno>

#include "server/http/stream.h"

namespace accel::http {
namespace {

class PlainStream : public Stream {
 public:
  using Stream::Stream;

  Io handshake() override { return Io::kDone; }

  Attempt read(std::span<char> into) override {
    return outcome_of(::recv(fd_, into.data(), into.size(), 0), Io::kWantRead);
  }

  Attempt write(std::span<const iovec> from) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(from.data());
    message.msg_iovlen = from.size();
    return outcome_of(::sendmsg(fd_, &message, MSG_NOSIGNAL), Io::kWantWrite);
  }

  bool holds_bytes() const override { return false; }

  Io look() override {
    char byte = 0;
    return outcome_of(::recv(fd_, &byte, 1, MSG_PEEK), Io::kWantRead).io;
  }

  void shut_down() override { ::shutdown(fd_, SHUT_WR); }
  bool chose_http2() const override { return false; }
  std::string certificate() const override { return {}; }
};

}  // namespace

Attempt Stream::outcome_of(ssize_t bytes, Io want) {
  if (bytes > 0) return {.io = Io::kDone, .bytes = static_cast<size_t>(bytes)};
  const bool again = bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {.io = again ? want : Io::kGone};
}

Attempt Stream::discard() {
  char bytes[16 << 10];
  return outcome_of(::recv(fd_, bytes, sizeof(bytes), 0), Io::kWantRead);
}

std::unique_ptr<Stream> make_plain_stream(int fd) { return std::make_unique<PlainStream>(fd); }

}  // namespace accel::http
