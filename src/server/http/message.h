// What an HTTP server and those who answer its requests say to each other. Nothing here knows a
// socket, so that answers are made and tested without one.
//
//   class Hello : public Handler {
//     std::unique_ptr<Exchange> open(RequestHead) override {
//       return answer_with({.body = "hello\n"});
//     }
//   };
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accel::http {

struct Header {
  std::string name;  // in lower case
  std::string value;
};
using Headers = std::vector<Header>;

// The first value of `name`, which is in lower case; empty: there is none.
std::string_view find(const Headers& headers, std::string_view name);
// ASCII's letters alone, whatever the locale.
std::string lower_case(std::string_view text);

// What came before a request's body.
struct RequestHead {
  std::string method;  // "GET"
  std::string path;    // "/v2/models/a b/infer": percent-decoded, without query; starts with "/"
  std::string query;   // behind "?", as it was sent
  Headers headers;     // in their order; a name may occur several times
  std::optional<uint64_t> content_length;  // none: no body, or one of unknown length
  std::string peer;                        // "127.0.0.1:40312", "[::1]:40312"; "unix" of a socket
  bool loopback = false;                   // the peer is this machine
  bool secure = false;                     // came over TLS
  bool http2 = false;                      // came over HTTP/2: the answer may have trailers
  std::string certificate;                 // subject of the client's, where one was verified
};

struct ResponseHead {
  int status = 200;
  Headers headers;  // without Content-Length, Connection and Transfer-Encoding
  // Of the body; none: it goes on until the exchange ends (chunked).
  std::optional<uint64_t> length;
};

// A stretch of an answer. The first has the head, alone or with the first bytes of the body.
struct Part {
  std::optional<ResponseHead> head;
  std::string body;
  Headers trailers = {};  // behind the body; of the last part alone, and over HTTP/2 alone
};

// A whole answer.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// One request from its head to the last byte of its answer. The connection owns it, calls it from
// one thread at a time, and pulls the answer; ending it is how it learns that the client has left.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // How many bytes of a body are taken, after decoding; a longer one is answered with 413 without
  // asking further. Not called for an exchange that has an answer already.
  virtual uint64_t body_bytes_max() const = 0;
  // The whole body is there, decoded. Called once, unless the answer was there before: a refusal
  // that needs no body. Must not block.
  virtual void begin(std::string body) = 0;

  // Over HTTP/2 a body may be taken as it comes, while the answer is already under way: more() is
  // then called in place of begin().
  virtual bool takes_stretches() const { return false; }
  // The next bytes of the body, as they were sent; `last`: nothing follows. Must not block.
  virtual void more(std::string_view /*bytes*/, bool /*last*/) {}
  // Whether more() may be called: while not, the client is not let send further bytes. Looked at
  // behind more() and behind every part that was taken.
  virtual bool hungry() const { return true; }

  // The next part of the answer; nothing while none is there, and after the last.
  virtual std::optional<Part> try_next() = 0;
  virtual bool ended() const = 0;
  // `waker` is called once, from any thread, when try_next() has something or the answer has ended;
  // at once if so. It does not block.
  virtual void notify(std::function<void()> waker) = 0;
};

// Safe from any thread.
class Handler {
 public:
  virtual ~Handler() = default;
  // Must not block. Whoever is refused before the body was read has cost nothing.
  virtual std::unique_ptr<Exchange> open(RequestHead head) = 0;
  // What a client is told whose bytes are no request, come too slowly, or are too many. `why` is a
  // sentence.
  virtual Response refuse(int status, const std::string& why) = 0;
};

// An exchange whose answer is there.
std::unique_ptr<Exchange> answer_with(Response response);

// "Not Found"; of a status without a name "Unknown".
std::string_view reason_of(int status);

}  // namespace accel::http
