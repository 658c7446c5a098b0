// For tests: a compiled model that answers with numbers made from its input, so that who got which
// answer can be checked; slow, held or failing on demand.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "backend/backend.h"

namespace accel::runtime {

struct EchoOptions {
  std::chrono::milliseconds delay{0};  // of every run
  int slow_runs = 0;                   // so many take `slow_delay` more, first of all
  std::chrono::milliseconds slow_delay{0};
  int failing_run = -1;           // counted from 0 over all sessions
  int64_t failing_first_id = -1;  // runs with a row that begins with it fail, too
  Status failure;                 // what these runs say
  int session_failures = 0;       // so many create_session() fail first, with UNAVAILABLE
};

constexpr int64_t kEchoSize = 4;

// The embedding of a row of ids: how many, their sum, the first, and a sum weighted by position.
// All exact in f32.
inline std::vector<float> echo_of(std::span<const int64_t> ids) {
  std::vector<float> row(kEchoSize, 0.0F);
  row[0] = static_cast<float>(ids.size());
  if (!ids.empty()) row[2] = static_cast<float>(ids[0]);
  int64_t sum = 0;
  int64_t weighted = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    sum += ids[i];
    weighted = (weighted + static_cast<int64_t>(i + 1) * ids[i]) % 9973;
  }
  row[1] = static_cast<float>(sum);
  row[3] = static_cast<float>(weighted);
  return row;
}

class EchoModel : public backend::CompiledModel, public std::enable_shared_from_this<EchoModel> {
 public:
  explicit EchoModel(EchoOptions options = {}) : options_(std::move(options)) {}

  const backend::Signature& signature() const override { return signature_; }
  const backend::Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<backend::Session>> create_session() const override;

  // From hold() on runs wait for release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // Waits until `count` runs are inside at the same time; false after ten seconds without.
  bool wait_for_running(int count) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return running_ >= count; });
  }

  int runs() const { return runs_; }
  int urgent_runs() const { return urgent_runs_; }
  int sessions() const { return sessions_; }
  int most_at_once() const {
    const std::lock_guard lock(mutex_);
    return most_at_once_;
  }

 private:
  friend class EchoSession;
  // One run's place among the others, in and out.
  void enter() const {
    std::unique_lock lock(mutex_);
    most_at_once_ = std::max(most_at_once_, ++running_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
  }
  std::chrono::milliseconds delay_of(int run) const {
    return options_.delay +
           (run < options_.slow_runs ? options_.slow_delay : std::chrono::milliseconds(0));
  }
  void leave() const {
    const std::lock_guard lock(mutex_);
    --running_;
  }

  const EchoOptions options_;
  const backend::Signature signature_{
      .inputs = {{"input_ids", DType::kI64, {-1, -1}}, {"attention_mask", DType::kI64, {-1, -1}}},
      .outputs = {{"sentence_embedding", DType::kF32, {-1, kEchoSize}}}};
  const backend::Executed executed_{.device = "ECHO"};
  mutable std::atomic<int> runs_ = 0;
  mutable std::atomic<int> urgent_runs_ = 0;
  mutable std::atomic<int> sessions_ = 0;
  mutable std::atomic<int> refused_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Guarded by mutex_:
  mutable int running_ = 0;
  mutable int most_at_once_ = 0;
  bool held_ = false;
};

class EchoSession : public backend::Session {
 public:
  explicit EchoSession(std::shared_ptr<const EchoModel> model) : model_(std::move(model)) {}

  Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
    if (busy_.exchange(true)) return internal_error("one session was run by two threads at once");
    const int number = model_->runs_++;
    if (urgent_) ++model_->urgent_runs_;
    model_->enter();
    std::this_thread::sleep_for(model_->delay_of(number));
    const bool fails = number == model_->options_.failing_run || has_failing_row(inputs);
    if (!fails) echo(inputs, outputs);
    model_->leave();
    busy_ = false;
    return fails ? model_->options_.failure : Status();
  }

  void set_urgent(bool urgent) override { urgent_ = urgent; }

 private:
  bool has_failing_row(const NamedTensors& inputs) const {
    const Tensor& ids = *find(inputs, "input_ids");
    const auto length = static_cast<size_t>(ids.shape()[1]);
    for (size_t at = 0; at < ids.count(); at += length) {
      if (ids.data<int64_t>()[at] == model_->options_.failing_first_id) return true;
    }
    return false;
  }
  static void echo(const NamedTensors& inputs, NamedTensors& outputs) {
    const Tensor& ids = *find(inputs, "input_ids");
    const Tensor& mask = *find(inputs, "attention_mask");
    const int64_t rows = ids.shape()[0];
    const auto length = static_cast<size_t>(ids.shape()[1]);
    Tensor answers = Tensor::allocate(DType::kF32, {rows, kEchoSize});
    auto* out = reinterpret_cast<float*>(answers.mutable_data());
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<int64_t> real;
      for (size_t i = 0; i < length; ++i) {
        const size_t at = static_cast<size_t>(row) * length + i;
        if (mask.data<int64_t>()[at] == 1) real.push_back(ids.data<int64_t>()[at]);
      }
      out = std::ranges::copy(echo_of(real), out).out;
    }
    outputs = {{"sentence_embedding", std::move(answers)}};
  }

  const std::shared_ptr<const EchoModel> model_;
  std::atomic<bool> busy_ = false;
  bool urgent_ = false;
};

inline Result<std::unique_ptr<backend::Session>> EchoModel::create_session() const {
  if (refused_++ < options_.session_failures) return unavailable("no session to be had");
  ++sessions_;
  return std::unique_ptr<backend::Session>(std::make_unique<EchoSession>(shared_from_this()));
}

}  // namespace accel::runtime
