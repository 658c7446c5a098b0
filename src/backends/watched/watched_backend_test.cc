#include "backends/watched/watched_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace accel::backend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A model whose first run waits until it is let go, and answers its input.
class HeldModel : public CompiledModel, public std::enable_shared_from_this<HeldModel> {
 public:
  class HeldSession : public Session {
   public:
    explicit HeldSession(std::shared_ptr<const HeldModel> model) : model_(std::move(model)) {
      ++model_->sessions;
    }
    ~HeldSession() override { --model_->sessions; }
    Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
      if (model_->runs++ == 0) model_->go.wait();
      if (urgent_) ++model_->urgent_runs;
      outputs = inputs;
      model_->last = inputs.front().tensor.data<float>()[0];
      return {};
    }
    void set_urgent(bool urgent) override { urgent_ = urgent; }

   private:
    const std::shared_ptr<const HeldModel> model_;
    bool urgent_ = false;
  };

  const Signature& signature() const override { return signature_; }
  const Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<Session>> create_session() const override {
    return std::unique_ptr<Session>(std::make_unique<HeldSession>(shared_from_this()));
  }

  mutable std::latch go{1};
  mutable std::atomic<int> runs = 0;
  mutable std::atomic<int> urgent_runs = 0;
  mutable std::atomic<int> sessions = 0;
  mutable std::atomic<float> last = 0;

 private:
  const Signature signature_;
  const Executed executed_{.device = "CPU", .precision = Precision::kF32};
};

class HeldBackend : public Backend {
 public:
  explicit HeldBackend(std::shared_ptr<HeldModel> model) : model_(std::move(model)) {}
  Info info() const override { return {.name = "held", .available = true}; }
  std::vector<Device> devices() const override { return {}; }
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& /*model*/,
      const CompileOptions& /*options*/) const override {
    return std::shared_ptr<const CompiledModel>(model_);
  }

 private:
  const std::shared_ptr<HeldModel> model_;
};

// Of memory that ends with the caller's tensor.
NamedTensors one_number(float value) {
  return {{"x", Tensor::from<float>({1}, std::array{value})}};
}

class WatchedBackendTest : public ::testing::Test {
 protected:
  std::shared_ptr<const CompiledModel> compiled(double hang_seconds) {
    const auto backend = make_watched_backend(
        std::make_shared<HeldBackend>(held_),
        {.hang_seconds = hang_seconds,
         .on_hang = [this](const std::string& line) { lines_.push_back(line); }});
    return *backend->compile(nullptr, {});
  }
  void let_go_and_wait_for_its_end() {
    held_->go.count_down();
    while (held_->sessions > 0) std::this_thread::yield();
  }

  const std::shared_ptr<HeldModel> held_ = std::make_shared<HeldModel>();
  std::vector<std::string> lines_;
};

TEST_F(WatchedBackendTest, ARunThatDoesNotEndIsGivenUpAndTheNextIsAnswered) {
  const auto model = compiled(0.5);
  auto session = *model->create_session();
  NamedTensors outputs;
  const Status hung = session->run(one_number(7), outputs);
  EXPECT_EQ(hung.code(), StatusCode::kUnavailable);
  EXPECT_THAT(hung.message(), AllOf(HasSubstr("CPU"), HasSubstr("0.5 s"), HasSubstr("given up")));
  EXPECT_THAT(lines_, ElementsAre(hung.message()));
  EXPECT_EQ(model->hangs(), 1);

  EXPECT_EQ(session->run(one_number(8), outputs).to_string(), "OK");
  EXPECT_EQ(outputs.front().tensor.data<float>()[0], 8);
  EXPECT_EQ(held_->sessions, 2) << "the hung one has not ended";
  EXPECT_EQ(model->hangs(), 1);
  session.reset();
  let_go_and_wait_for_its_end();
  EXPECT_EQ(held_->last, 7) << "its input did not live as long as it ran";
}

TEST_F(WatchedBackendTest, WhatIsGivenUpOutlivesTheModel) {
  auto model = compiled(0.1);
  auto session = *model->create_session();
  NamedTensors outputs;
  EXPECT_FALSE(session->run(one_number(7), outputs).ok());
  session.reset();
  model.reset();
  EXPECT_EQ(held_->sessions, 1);
  let_go_and_wait_for_its_end();
}

TEST_F(WatchedBackendTest, ARunThatEndsInTimeIsAnswered) {
  const auto model = compiled(60);
  const auto session = *model->create_session();
  std::thread later([this] {
    while (held_->runs == 0) std::this_thread::yield();
    held_->go.count_down();
  });
  NamedTensors outputs;
  session->set_urgent(true);
  EXPECT_EQ(session->run(one_number(7), outputs).to_string(), "OK");
  later.join();
  EXPECT_EQ(outputs.front().tensor.data<float>()[0], 7);
  EXPECT_EQ(held_->urgent_runs, 1);
  session->set_urgent(false);
  EXPECT_EQ(session->run(one_number(8), outputs).to_string(), "OK");
  EXPECT_EQ(held_->urgent_runs, 1);
  EXPECT_EQ(model->hangs(), 0);
}

TEST_F(WatchedBackendTest, IsTheBackendInside) {
  held_->go.count_down();
  const auto backend =
      make_watched_backend(std::make_shared<HeldBackend>(held_), {.hang_seconds = 60});
  EXPECT_EQ(backend->info().name, "held");
  EXPECT_EQ(backend->import_compiled({}, {}).status().code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace accel::backend
