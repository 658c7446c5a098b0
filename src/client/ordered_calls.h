// Items in, answers to batches of them out in the order of the items, while several threads ask.
//
//   OrderedCalls<std::string, int> calls({.ask = [](std::vector<std::string> texts) { ... }});
//   ... calls.push("a text") ...; calls.close();     // one thread
//   while (auto answer = calls.next()) ...           // another
//
// A thread that is free takes what waits, one item or a batch: nothing waits for company, and what
// comes faster than it is answered goes together. Bounded in items and bytes.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "hardware/threads.h"

namespace accel::client {

template <class Item, class Answer>
class OrderedCalls {
 public:
  struct Options {
    std::function<Answer(std::vector<Item>)> ask;  // from several threads at once; must not throw
    std::function<size_t(const Item&)> bytes_of;
    size_t threads = 4;
    size_t batch_items = 1;
    size_t batch_bytes = 1 << 20;  // of several items; a longer one goes alone
    // Pushed and not given back yet; one item may always be.
    size_t items_max = 64;
    size_t bytes_max = 64 << 20;  // not answered yet
  };

  explicit OrderedCalls(Options options) : options_(std::move(options)) {}
  ~OrderedCalls() {
    cancel();
    for (std::thread& thread : threads_) thread.join();
  }
  OrderedCalls(const OrderedCalls&) = delete;
  OrderedCalls& operator=(const OrderedCalls&) = delete;

  // Waits while too much is under way. False after cancel().
  bool push(Item item) {
    const size_t bytes = options_.bytes_of(item);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      const bool room = items_ < options_.items_max && bytes_ + bytes <= options_.bytes_max;
      return cancelled_ || items_ == 0 || room;
    });
    if (cancelled_) return false;
    items_ += 1;
    bytes_ += bytes;
    waiting_.push_back({std::move(item), bytes});
    if (idle_ < waiting_.size() && threads_.size() < options_.threads) {
      threads_.emplace_back([this] { work(); });
    }
    changed_.notify_all();
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // Waits; nothing after the last, and after cancel().
  std::optional<Answer> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      if (cancelled_) return true;
      return slots_.empty() ? closed_ && waiting_.empty() : slots_.front()->answer.has_value();
    });
    if (cancelled_ || slots_.empty()) return std::nullopt;
    const std::shared_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    items_ -= slot->items;
    changed_.notify_all();
    return std::move(slot->answer);
  }

  // From any thread. What `ask` is at, it must end by itself.
  void cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  struct Waiting {
    Item item;
    size_t bytes;
  };
  struct Slot {
    size_t items = 0;
    std::optional<Answer> answer;
  };

  void work() {
    hardware::name_this_thread("accel-ask");
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      changed_.wait(lock, [&] { return cancelled_ || closed_ || !waiting_.empty(); });
      --idle_;
      if (cancelled_ || waiting_.empty()) return;
      std::vector<Item> batch;
      size_t bytes = 0;
      while (!waiting_.empty() && batch.size() < options_.batch_items &&
             (batch.empty() || bytes + waiting_.front().bytes <= options_.batch_bytes)) {
        bytes += waiting_.front().bytes;
        batch.push_back(std::move(waiting_.front().item));
        waiting_.pop_front();
      }
      const auto slot = std::make_shared<Slot>(Slot{.items = batch.size(), .answer = {}});
      slots_.push_back(slot);
      lock.unlock();
      Answer answer = options_.ask(std::move(batch));
      lock.lock();
      bytes_ -= bytes;
      slot->answer.emplace(std::move(answer));
      changed_.notify_all();
    }
  }

  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::deque<Waiting> waiting_;
  std::deque<std::shared_ptr<Slot>> slots_;  // asked, in their order
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  size_t items_ = 0;
  size_t bytes_ = 0;
  bool closed_ = false;
  bool cancelled_ = false;
};

}  // namespace accel::client
