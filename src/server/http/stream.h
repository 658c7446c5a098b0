// The bytes of one connection, plain or by TLS, over a socket that never blocks: what cannot be
// done now says what it waits for, and is tried again.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct ssl_ctx_st;

namespace accel::http {

enum class Io {
  kDone,
  kWantRead,   // again when the socket can be read
  kWantWrite,  // again when it can be written
  kGone,       // the other side has closed, or the connection is broken
};

struct Attempt {
  Io io = Io::kGone;
  size_t bytes = 0;  // of kDone; at least 1
};

// Used by one thread at a time. Does not own the socket, which outlives it.
//
// System calls stand behind it, outside of coroutines: Clang 16 keeps the address of `errno` while
// a coroutine moves to another thread.
class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {}
  virtual ~Stream() = default;

  virtual Io handshake() = 0;  // before anything else, until it is done
  virtual Attempt read(std::span<char> into) = 0;
  virtual Attempt write(std::span<const iovec> from) = 0;
  // Whether bytes that came already wait here, which the socket does not show any more.
  virtual bool holds_bytes() const = 0;
  // Whether read() would have something, without taking it: kDone, kGone, or what it waits for.
  virtual Io look() = 0;
  // Says that nothing more will be written. What still comes is then discarded.
  virtual void shut_down() = 0;
  // Takes what is there off the socket, undecoded.
  Attempt discard();
  // Whether the client and this server have settled on HTTP/2, by ALPN.
  virtual bool chose_http2() const = 0;
  // Subject of the client's certificate (RFC 2253), where one was verified.
  virtual std::string certificate() const = 0;

 protected:
  // Of a system call that moved so many bytes, or said why not in errno.
  static Attempt outcome_of(ssize_t bytes, Io want);

  const int fd_;
};

std::unique_ptr<Stream> make_plain_stream(int fd);
// Null when memory is short. Writes may raise SIGPIPE: threads block it.
std::unique_ptr<Stream> make_tls_stream(int fd, ssl_ctx_st& context);

}  // namespace accel::http
