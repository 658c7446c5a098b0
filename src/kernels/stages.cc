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
  template <class GiveWay>
  void wait_for(size_t stage, int tasks, const GiveWay& give_way) const {
    for (int i = 0; states_[stage].done.load(std::memory_order_acquire) < tasks; ++i) {
      give_way();
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

// Calls member(0) .. member(crew - 1) on the threads there are.
void run_crew(int crew, const std::function<void(int)>& member, const Threads& threads) {
  const int own = std::min(crew, threads.count - threads.lent);
  const auto run_own = [&] {
    if (own > 1) {
      threads.run(own, member);
    } else {
      member(0);
    }
  };
  if (threads.precedence != nullptr && threads.urgent) {
    threads.precedence->run_urgent(run_own, own, crew, member);
  } else {
    run_own();
  }
}

}  // namespace

void run_stages(std::span<const Stage> stages, const Threads& threads) {
  int most = 0;
  for (const Stage& stage : stages) most = std::max(most, stage.tasks);
  const int crew = std::min(threads.count, most);
  const auto give_way = [&] {
    if (threads.precedence != nullptr && !threads.urgent) threads.precedence->give_way();
  };
  if (crew <= 1) {
    const auto alone = [&](int) {
      for (const Stage& stage : stages) {
        for (int i = 0; i < stage.tasks; ++i) {
          give_way();
          stage.task(i);
        }
      }
    };
    run_crew(1, alone, threads);
    return;
  }
  Progress progress(stages);
  const auto work = [&](int member) {
    for (size_t s = 0; s < stages.size(); ++s) {
      const int tasks = stages[s].tasks;
      const auto own = static_cast<int>(int64_t{member} * tasks / crew);
      for (int i = 0; i < tasks; ++i) {
        const int task = own + i < tasks ? own + i : own + i - tasks;
        give_way();
        if (!progress.take(s, task)) continue;
        stages[s].task(task);
        progress.finish_one(s);
      }
      progress.wait_for(s, tasks, give_way);
    }
  };
  run_crew(crew, work, threads);
}

}  // namespace accel::kernels
