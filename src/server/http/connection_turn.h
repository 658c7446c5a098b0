// What a connection holds while it serves one request; connection.cc and connection_turn.cc only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/http/answer_head.h"
#include "server/http/connection.h"
#include "server/http/connection_wake.h"
#include "server/http/pace.h"
#include "server/http/request_parser.h"

namespace accel::http {

inline iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

// One request and its answer.
struct Connection::Turn {
  explicit Turn(const HttpServerOptions& options)
      : parser(options.header_bytes_max), pace(options) {}
  ~Turn() {
    if (wake != nullptr) wake->forget();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  RequestParser parser;
  AnswerContext context = {.keep_alive = false};
  std::string content_encoding;
  uint64_t body_left = 0;  // of a body of known length, not read so far
  std::shared_ptr<Wake> wake;
  std::unique_ptr<Exchange> exchange;
  std::optional<Part> part;  // the next, where one is there
  bool ended = false;        // no further part comes
  bool broken = false;       // it has thrown
  bool watched = true;       // whether the client leaves
  bool head_written = false;
  Framing framing = Framing::kNone;
  uint64_t length = 0;       // of kLength
  uint64_t written = 0;      // of the body
  bool end_written = false;  // of kChunked
  Pace pace;                 // of the answer
};

}  // namespace accel::http
