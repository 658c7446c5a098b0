#include "kernels/stages.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace accel::kernels {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Beyond this somebody else has the processor of the thread that is waited for, and may need ours.
constexpr int kPausesBeforeYield = 2000;

class Progress {
 public:
  explicit Progress(std::span<const Stage> stages) : states_(stages.size()) {
    size_t tasks = 0;
    for (size_t i = 0; i < stages.size(); ++i) {
      states_[i].first_flag = tasks;
      tasks += static_cast<size_t>(stages[i].tasks);
    }
    taken_ = std::make_unique<std::atomic<bool>[]>(tasks);
  }

  bool take(size_t stage, int task) {
    auto& flag = taken_[states_[stage].first_flag + static_cast<size_t>(task)];
    return !flag.load(std::memory_order_relaxed) && !flag.exchange(true, std::memory_order_relaxed);
  }
  void finish_one(size_t stage) { states_[stage].done.fetch_add(1, std::memory_order_release); }
  void wait_for(size_t stage, int tasks) const {
    for (int i = 0; states_[stage].done.load(std::memory_order_acquire) < tasks; ++i) {
      if (i < kPausesBeforeYield) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  struct alignas(64) State {
    std::atomic<int> done = 0;
    size_t first_flag = 0;
  };
  std::vector<State> states_;
  std::unique_ptr<std::atomic<bool>[]> taken_;
};

}  // namespace

void run_stages(std::span<const Stage> stages, const Threads& threads) {
  int most = 0;
  for (const Stage& stage : stages) most = std::max(most, stage.tasks);
  const int crew = std::min(threads.count, most);
  if (crew <= 1) {
    for (const Stage& stage : stages) {
      for (int i = 0; i < stage.tasks; ++i) stage.task(i);
    }
    return;
  }
  Progress progress(stages);
  threads.run(crew, [&](int member) {
    for (size_t s = 0; s < stages.size(); ++s) {
      const int tasks = stages[s].tasks;
      const auto own = static_cast<int>(int64_t{member} * tasks / crew);
      for (int i = 0; i < tasks; ++i) {
        const int task = own + i < tasks ? own + i : own + i - tasks;
        if (!progress.take(s, task)) continue;
        stages[s].task(task);
        progress.finish_one(s);
      }
      progress.wait_for(s, tasks);
    }
  });
}

}  // namespace accel::kernels
