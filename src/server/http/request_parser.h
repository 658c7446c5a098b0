// A request's head, and bodies in chunks, out of the bytes of a connection. Boost.Beast parses;
// this is stricter: whatever two parsers could read in two ways is refused, so that no proxy in
// front sees other requests than this server does (request smuggling; RFC 9112, section 11.2).
//
// Pure, and safe on hostile bytes. One request each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/http/message.h"
#include "server/http/refusal.h"

namespace accel::http {

class RequestParser {
 public:
  enum class Progress { kMore, kDone, kRefused };  // kMore: bytes are missing

  // `head_bytes_max` is of the request line and the headers together, and of what stands around
  // chunks: of one's size line, and of the trailers.
  explicit RequestParser(uint64_t head_bytes_max);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes what it can off the front of `bytes`; what is left there is wanted again, with more
  // behind it. Refuses with 400, 417, 431, 501 or 505.
  Progress read_head(std::string& bytes);
  // Likewise of the chunks that follow a head with chunked(); appends to `body`, up to
  // `body_bytes_max` in all, beyond which it refuses with 413.
  Progress read_chunks(std::string& bytes, std::string& body, uint64_t body_bytes_max);
  const Refusal& refusal() const;

  // --- of a head that is done ---

  // Method, path, query, headers and length, moved out.
  RequestHead take_head();
  bool is_http_1_0() const;
  bool keep_alive() const;      // what the client wants
  bool chunked() const;         // a body of unknown length follows
  bool wants_continue() const;  // the client waits for "100 Continue" before it sends the body

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace accel::http
