// What a connection holds while it serves one request; connection.cc and connection_turn.cc only.
#pragma once

#include <algorithm>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "server/http/answer_head.h"
#include "server/http/connection.h"
#include "server/http/request_parser.h"

namespace accel::http {

constexpr double kNever = 1e9;  // in seconds

inline iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

// By which an exchange wakes the connection. Outlives both.
class Connection::Wake {
 public:
  explicit Wake(Connection& connection) : connection_(&connection) {}

  bool woken = false;  // looked at on the strand only

  static void call(const std::shared_ptr<Wake>& wake) {
    const std::lock_guard lock(wake->mutex_);
    if (wake->connection_ == nullptr) return;
    boost::asio::post(wake->connection_->executor_,
                      [wake, connection = wake->connection_->shared_from_this()] {
                        wake->woken = true;
                        connection->resume();
                      });
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    connection_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Connection* connection_;  // guarded by mutex_; null: gone
};

// How long the client may still keep a transfer waiting, by its average so far.
struct Connection::Pace {
  explicit Pace(const HttpServerOptions& options)
      : grace(options.grace_seconds), rate(static_cast<double>(options.bytes_per_second_min)) {}

  double grace;
  double rate;  // 0: it need not move on
  uint64_t bytes = 0;
  double waited = 0;

  double seconds_left() const {
    if (rate <= 0) return kNever;
    return std::max(0.0, grace + static_cast<double>(bytes) / rate - waited);
  }
};

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
