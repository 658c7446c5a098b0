// What the coroutines of a connection share; connection*.cc only.
#pragma once

#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "server/http/connection.h"

namespace accel::http {

// By which exchanges wake the connection. Outlives both.
class Connection::Wake {
 public:
  explicit Wake(Connection& connection) : connection_(&connection) {}

  // From any thread; `stream` is one of HTTP/2, or 0.
  static void call(const std::shared_ptr<Wake>& wake, int32_t stream) {
    const std::lock_guard lock(wake->mutex_);
    if (wake->connection_ == nullptr) return;
    wake->called_.push_back(stream);
    if (wake->called_.size() > 1) return;  // it was told already
    boost::asio::post(
        wake->connection_->executor_,
        [connection = wake->connection_->shared_from_this()] { connection->resume(); });
  }
  // On the strand: the streams whose exchanges called since.
  std::vector<int32_t> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(called_, {});
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    connection_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Connection* connection_;       // guarded by mutex_; null: gone
  std::vector<int32_t> called_;  // guarded by mutex_
};

// A connection that is counted as idle for as long as this lives.
class Connection::Idle {
 public:
  explicit Idle(std::atomic<uint64_t>& count) : count_(count) { ++count_; }
  ~Idle() { --count_; }
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

 private:
  std::atomic<uint64_t>& count_;
};

}  // namespace accel::http
