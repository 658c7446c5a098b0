#include "kernels/precedence.h"

#include <algorithm>

namespace accel::kernels {

void Precedence::run_urgent(const std::function<void()>& own, int first, int last,
                            const std::function<void(int)>& task) {
  std::unique_lock lock(mutex_);
  const auto call = calls_.insert(
      calls_.end(), {.number = next_number_++, .task = &task, .next = first, .last = last});
  under_way_.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  own();
  lock.lock();
  call->next = call->last;  // nobody comes any more
  changed_.wait(lock, [&] { return call->inside == 0; });
  calls_.erase(call);
  under_way_.fetch_sub(1, std::memory_order_relaxed);
  changed_.notify_all();
}

void Precedence::work_for_urgent() {
  std::unique_lock lock(mutex_);
  const uint64_t later = next_number_;
  while (true) {
    const auto wants = [](const Call& call) { return call.next < call.last; };
    const auto call = std::ranges::find_if(calls_, wants);
    if (call != calls_.end() && call->number < later) {
      const int member = call->next++;
      ++call->inside;
      lock.unlock();
      (*call->task)(member);
      lock.lock();
      --call->inside;
      changed_.notify_all();
    } else if (!calls_.empty() && calls_.front().number < later) {
      changed_.wait(lock);
    } else {
      return;
    }
  }
}

}  // namespace accel::kernels
