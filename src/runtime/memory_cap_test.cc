// Batches of random texts on sessions that take memory as engines do, under a bound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/try.h"
#include "runtime/batcher.h"

namespace accel::runtime {
namespace {

constexpr int64_t kMega = 1 << 20;
constexpr int64_t kBase = 200 * kMega;

// What a process has: of its own, and for the largest batch of each session so far.
class TakenMemory {
 public:
  void add(int64_t bytes) {
    const int64_t now = resident_ += bytes;
    int64_t most = most_;
    while (now > most && !most_.compare_exchange_weak(most, now)) {
    }
  }
  int64_t resident() const { return resident_; }
  int64_t most() const { return most_; }

 private:
  std::atomic<int64_t> resident_ = kBase;
  std::atomic<int64_t> most_ = kBase;
};

int64_t bytes_of(int64_t rows, int64_t tokens) {
  return rows * tokens * (48 << 10) + rows * tokens * tokens * 64;
}

// Two sets of buffers that its threads share out among them.
class TakingModel : public backend::CompiledModel {
 public:
  explicit TakingModel(TakenMemory& memory) : memory_(memory) {}
  ~TakingModel() override { memory_.add(-held_[0] - held_[1]); }
  const backend::Signature& signature() const override { return signature_; }
  const backend::Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<backend::Session>> create_session() const override;
  int64_t rows() const { return rows_; }

  void run(const Shape& shape) const {
    const size_t set = set_of_this_thread();
    const std::lock_guard lock(mutexes_[set]);
    const int64_t more = std::max<int64_t>(bytes_of(shape[0], shape[1]) - held_[set], 0);
    memory_.add(more);
    held_[set] += more;
    rows_ += shape[0];
    std::this_thread::yield();
  }

 private:
  size_t set_of_this_thread() const {
    const std::lock_guard lock(mutex_);
    return sets_.try_emplace(std::this_thread::get_id(), sets_.size() % 2).first->second;
  }

  TakenMemory& memory_;
  mutable std::mutex mutex_;
  mutable std::map<std::thread::id, size_t> sets_;  // guarded by mutex_
  mutable std::array<std::mutex, 2> mutexes_;
  mutable std::array<int64_t, 2> held_{};  // each guarded by its mutex
  mutable std::atomic<int64_t> rows_ = 0;
  const backend::Signature signature_;
  const backend::Executed executed_{.device = "CPU"};
};

class TakingSession : public backend::Session {
 public:
  explicit TakingSession(const TakingModel& model) : model_(model) {}
  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    const Shape& shape = inputs.at(0).tensor.shape();
    model_.run(shape);
    outputs = {{"out", Tensor::allocate(DType::kF32, {shape[0], 1})}};
    return {};
  }

 private:
  const TakingModel& model_;
};

Result<std::unique_ptr<backend::Session>> TakingModel::create_session() const {
  return std::unique_ptr<backend::Session>(std::make_unique<TakingSession>(*this));
}

Row text_of(int64_t tokens) { return {{{"input_ids", Tensor::allocate(DType::kI64, {tokens})}}}; }

// A batcher on two sessions under a cap.
class Capped {
 public:
  explicit Capped(int64_t cap)
      : room_(std::make_shared<MemoryRoom>(
            cap, [this] { return static_cast<uint64_t>(memory_.resident()); }, [] {})),
        model_(std::make_shared<TakingModel>(memory_)) {
    std::vector<PoolMember> members;
    members.push_back({.model = model_, .sessions = 2, .room = room_});
    batcher_ = Batcher::create(std::make_shared<SessionPool>(std::move(members)),
                               {.limits = {.max_tokens = 4096}});
  }

  Batcher& batcher() { return *batcher_; }
  int64_t most() const { return memory_.most(); }
  int64_t rows() const { return model_->rows(); }

 private:
  TakenMemory memory_;
  std::shared_ptr<MemoryRoom> room_;
  std::shared_ptr<TakingModel> model_;
  std::shared_ptr<Batcher> batcher_;
};

struct CapOutcome {
  std::atomic<int64_t> answered = 0;
  std::atomic<int64_t> refused = 0;  // for want of room
};

// 400 texts of up to `longest` tokens from four callers.
void ask(Capped& capped, int64_t longest, CapOutcome& outcome) {
  std::vector<std::thread> callers;
  for (uint32_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      std::mt19937 random(caller);
      std::vector<std::shared_ptr<Ticket>> tickets;
      for (int row = 0; row < 100; ++row) {
        const int64_t tokens = 1 + static_cast<int64_t>(random()) % longest;
        tickets.push_back(capped.batcher().submit({.rows = {text_of(tokens)}}));
      }
      for (const auto& ticket : tickets) {
        const auto answer = ticket->take();
        outcome.answered += answer.ok() ? 1 : 0;
        outcome.refused += answer.status().code() == StatusCode::kResourceExhausted ? 1 : 0;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

constexpr int64_t kCapOfTest = kBase + 64 * kMega;

// row 267 (partial: on sessions that take memory as engines do)
TEST(MemoryCap, IsNotExceededAndAllIsAnswered) {
  Capped capped(kCapOfTest);
  CapOutcome outcome;
  ask(capped, 100, outcome);
  EXPECT_LE(capped.most(), kCapOfTest);
  EXPECT_EQ(outcome.answered, 400);
  EXPECT_EQ(capped.rows(), 400);
}

TEST(MemoryCap, LargeBatchesBecomeSmaller) {
  const auto most_of = [](int64_t cap) {
    Capped capped(cap);
    EXPECT_TRUE(capped.batcher().submit({.rows = std::vector<Row>(60, text_of(60))})->take().ok());
    return capped.most();
  };
  EXPECT_GT(most_of(int64_t{64} << 30), kCapOfTest);
  EXPECT_LE(most_of(kCapOfTest), kCapOfTest);
}

TEST(MemoryCap, WhatDoesNotFitAloneIsRefusedAndNothingElse) {
  Capped capped(kCapOfTest);
  CapOutcome outcome;
  ask(capped, 1000, outcome);
  EXPECT_LE(capped.most(), kCapOfTest);
  EXPECT_GT(outcome.refused, 0);
  EXPECT_GT(outcome.answered, 100);
  EXPECT_EQ(outcome.answered + outcome.refused, 400);
}

}  // namespace
}  // namespace accel::runtime
