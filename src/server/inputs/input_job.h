// What the reader of a Resolution and the thread that fetches its inputs share.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/stopwatch.h"
#include "server/inputs/input_resolver.h"
#include "server/inputs/input_url.h"

namespace accel::server {

// FileRoot and InputFetcher say by their codes what became of an input.
inline int http_status_of_input(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument: return 400;
    case StatusCode::kPermissionDenied: return 403;
    case StatusCode::kResourceExhausted: return 413;
    case StatusCode::kCancelled: return 499;
    case StatusCode::kDeadlineExceeded: return 504;
    default: return 424;
  }
}

inline InputRefusal refusal_of(const Status& why) {
  return {why, http_status_of_input(why.code())};
}

// Bytes that inputs of requests under way hold; what is counted is given back at the end.
class HeldBytes {
 public:
  explicit HeldBytes(std::atomic<uint64_t>& sum) : sum_(sum) {}
  ~HeldBytes() { sum_ -= own_; }
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  void add(uint64_t bytes) {
    own_ += bytes;
    sum_ += bytes;
  }
  uint64_t all() const { return sum_; }
  uint64_t own() const { return own_; }

 private:
  std::atomic<uint64_t>& sum_;
  uint64_t own_ = 0;
};

// An input that is not there yet.
struct WantedInput {
  size_t item = 0;
  InputScheme scheme = InputScheme::kHttp;
  HttpUrl url;        // of http
  std::string path;   // of a file
  std::string shown;  // in the log
};

class InputJob {
 public:
  InputJob(service::RunItems asked, InputAsker by, std::atomic<uint64_t>& sum)
      : run(std::move(asked)), asker(std::move(by)), held(sum) {
    if (!run.how.timeout_ms) return;
    const std::chrono::duration<double, std::milli> left(
        std::clamp(*run.how.timeout_ms, 0.0, 1e12));
    deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(left);
  }

  // Of whoever works on it, one at a time, until end().
  service::RunItems run;
  const InputAsker asker;
  std::vector<WantedInput> wanted;
  HeldBytes held;
  Clock::time_point deadline = Clock::time_point::max();

  void end(std::optional<InputRefusal> refusal) {
    if (!refusal && deadline != Clock::time_point::max()) {
      const std::chrono::duration<double, std::milli> left = deadline - Clock::now();
      run.how.timeout_ms = left.count();
      if (left.count() <= 0) refusal = refusal_of(late());
    }
    std::function<void()> waker;
    {
      const std::lock_guard lock(mutex_);
      if (refusal) outcome_.emplace(std::move(*refusal));
      else outcome_.emplace(std::move(run));
      waker.swap(waker_);
    }
    if (waker) waker();
  }
  // Whether to go on, until `latest` at most.
  Status go_on(Clock::time_point latest) const {
    if (cancelled_) return cancelled("nobody waits for the input any more");
    return Clock::now() >= latest ? late() : Status();
  }
  static Status late() {
    return deadline_exceeded("expected the input in the time that the request has, found it late");
  }

  // Of the reader.
  std::optional<Resolution::Outcome> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
  }
  void notify(std::function<void()> waker) {
    {
      const std::lock_guard lock(mutex_);
      if (!outcome_) {
        waker_ = std::move(waker);
        return;
      }
    }
    waker();
  }
  void cancel() {
    cancelled_ = true;
    const std::lock_guard lock(mutex_);
    waker_ = nullptr;
  }

 private:
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::optional<Resolution::Outcome> outcome_;
  std::function<void()> waker_;
};

}  // namespace accel::server
