// WorkQueue: a few threads that do what they are handed, in its order.
//
//   WorkQueue queue("prepare", 2);
//   WorkQueue::Entrance entrance = queue.entrance();  // may outlive the queue
//   if (!entrance.post([] { ... })) ...               // the queue has ended
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace accel {

class WorkQueue {
 private:
  struct State;

 public:
  // Copies lead to the same queue. Safe from any thread.
  class Entrance {
   public:
    // False: the queue has ended, or is about to, and `work` is dropped. `work` must not throw.
    bool post(std::function<void()> work) const;
    size_t waiting() const;  // not begun

   private:
    friend class WorkQueue;
    explicit Entrance(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  // `name` is that of the threads, of at most 15 bytes.
  WorkQueue(const std::string& name, int threads);
  // What was handed in is done before it returns. Not on one of its own threads.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  Entrance entrance() const { return Entrance(state_); }

 private:
  static void serve(State& state);

  const std::shared_ptr<State> state_;
  std::vector<std::thread> threads_;
};

}  // namespace accel
