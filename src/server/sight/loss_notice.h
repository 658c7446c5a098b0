// Saying that something is being lost, without saying it again for each piece.
#pragma once

#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/stopwatch.h"

namespace accel::server {

using Say = std::function<void(std::string_view sentence)>;

// Safe from any thread.
class LossNotice {
 public:
  explicit LossNotice(Say say) : say_(std::move(say)) {}

  // Says it, unless it was said and has not worked for a while since.
  void lost(std::string_view sentence) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(losing_, true)) return;
      said_ = Clock::now();
    }
    if (say_) say_(sentence);
  }
  void worked() {
    const std::lock_guard lock(mutex_);
    if (losing_ && Clock::now() - said_ > kSilence) losing_ = false;
  }

 private:
  // Of what works now and then.
  static constexpr std::chrono::minutes kSilence{1};

  const Say say_;
  std::mutex mutex_;
  // Guarded by mutex_:
  bool losing_ = false;     // and it was said
  Clock::time_point said_;  // when
};

}  // namespace accel::server
