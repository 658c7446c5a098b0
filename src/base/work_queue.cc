#include "base/work_queue.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace accel {

struct WorkQueue::State {
  std::mutex mutex;
  std::condition_variable there;
  // Guarded by mutex:
  std::deque<std::function<void()>> waiting;
  bool closed = false;
};

bool WorkQueue::Entrance::post(std::function<void()> work) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) return false;
  state_->waiting.push_back(std::move(work));
  state_->there.notify_one();
  return true;
}

size_t WorkQueue::Entrance::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting.size();
}

WorkQueue::WorkQueue(const std::string& name, int threads) : state_(std::make_shared<State>()) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([state = state_, name] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      serve(*state);
    });
  }
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->there.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void WorkQueue::serve(State& state) {
  std::unique_lock lock(state.mutex);
  while (true) {
    state.there.wait(lock, [&] { return state.closed || !state.waiting.empty(); });
    if (state.waiting.empty()) return;
    std::function<void()> work = std::move(state.waiting.front());
    state.waiting.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // its captures end without the lock
    lock.lock();
  }
}

}  // namespace accel
