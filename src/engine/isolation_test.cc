// Models that the engine loads in worker processes.
#include "engine/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <limits>
#include <thread>

#include "backends/process/watched_process.h"
#include "hardware/core_list.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using namespace std::chrono_literals;
using backend::status_line;
using backend::stop;

class IsolationTest : public testing::Test {
 protected:
  Result<std::shared_ptr<Model>> load(const LoadOptions& options) {
    LoadOptions all = options;
    all.path = std::string(ACCEL_TEST_DATA) + "/bert-feature";
    all.precision = Precision::kF32;
    return engine_->load(all);
  }
  models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
  const std::vector<std::string> texts_{"one text", "and another, which is longer", "", "last"};
};

TEST_F(IsolationTest, GivesTheSameAnswers) {
  const auto thread = load({});
  const auto process = load({.isolation = Isolation::kProcess});
  ASSERT_TRUE(process.ok()) << process.status().to_string();
  const auto expected = (*thread)->embed(texts_);
  const auto found = (*process)->embed(texts_);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_TRUE(std::ranges::equal(found->embeddings.bytes(), expected->embeddings.bytes()));
  EXPECT_EQ(found->report.isolation, Isolation::kProcess);
  EXPECT_EQ(expected->report.isolation, Isolation::kThread);
  EXPECT_EQ(found->report.backend, expected->report.backend);
  EXPECT_EQ(found->report.kernels, expected->report.kernels);
  EXPECT_TRUE((*thread)->statistics().workers.empty());
  EXPECT_EQ((*process)->statistics().workers.size(), 1);
}

TEST_F(IsolationTest, ACrashEndsTheCallAndNotTheNext) {
  const auto model = load({.isolation = Isolation::kProcess});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  ASSERT_TRUE((*model)->embed(texts_).ok());
  const int pid = (*model)->statistics().workers.at(0).pid;
  stop(pid);
  auto pending = std::async(std::launch::async, [&] { return (*model)->embed(texts_).status(); });
  EXPECT_EQ(pending.wait_for(100ms), std::future_status::timeout);
  ::kill(pid, SIGKILL);
  EXPECT_EQ(pending.get().code(), StatusCode::kUnavailable);
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ((*model)->embed(texts_).status().to_string(), "OK");
  const WorkerReport worker = (*model)->statistics().workers.at(0);
  EXPECT_NE(worker.pid, pid);
  EXPECT_EQ(worker.crashes, 1);
  EXPECT_EQ(worker.starts, 2);
}

TEST_F(IsolationTest, CoresAreProcessesOfTheirOwn) {
  const std::vector<int> allowed = hardware::allowed_cores();
  const std::string one = "CPU[" + std::to_string(allowed.front()) + "]";
  const std::string two = "CPU[" + std::to_string(allowed.back()) + "]";
  const auto model = load({.device = "MULTI:" + one + "(2)," + two + "(1)"});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto found = (*model)->embed(texts_);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->report.device, one + "+" + two);
  EXPECT_EQ(found->report.isolation, Isolation::kProcess);
  EXPECT_EQ(found->report.threads, 2);
  const auto workers = (*model)->statistics().workers;
  ASSERT_EQ(workers.size(), 2);
  EXPECT_EQ(status_line(workers[0].pid, "Cpus_allowed_list"), std::to_string(allowed.front()));
  EXPECT_EQ(status_line(workers[1].pid, "Cpus_allowed_list"), std::to_string(allowed.back()));
  const Status refused = load({.device = "CPU[1023]"}).status();
  EXPECT_EQ(refused.code(), StatusCode::kNotFound);
}

TEST_F(IsolationTest, AWorkerThatStandsStillDoesNotKeepWhoSubmits) {
  const std::string core = "CPU[" + std::to_string(hardware::allowed_cores().front()) + "]";
  for (const LoadOptions& options :
       {LoadOptions{.isolation = Isolation::kProcess}, LoadOptions{.device = core}}) {
    const auto model = load(options);
    ASSERT_TRUE(model.ok()) << model.status().to_string();
    ASSERT_TRUE((*model)->run({{.text = "first"}}, {}).ok());  // how long it takes is known now
    const int pid = (*model)->statistics().workers.at(0).pid;
    stop(pid);
    auto submitting = std::async(
        std::launch::async, [&] { return (*model)->submit({.text = "a text"}, {.here_ms = 1e9}); });
    EXPECT_EQ(submitting.wait_for(20s), std::future_status::ready) << options.device;
    ::kill(pid, SIGKILL);
    const auto pending = submitting.get();
    ASSERT_TRUE(pending.ok()) << pending.status().to_string();
    EXPECT_EQ((*pending)->get().status().code(), StatusCode::kUnavailable);
  }
}

TEST_F(IsolationTest, WrongTimesAreRefused) {
  for (const double seconds : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    for (const Isolation isolation : {Isolation::kThread, Isolation::kProcess}) {
      EXPECT_EQ(load({.isolation = isolation, .hang_seconds = seconds}).status().code(),
                StatusCode::kInvalidArgument);
    }
  }
}

TEST_F(IsolationTest, WorkersAreToldWhileFaultsAreSimulated) {
  engine_ = *Engine::create({.cache_dir = cache_.path().string(),
                             .probe = false,
                             .simulated_faults = "openvino:run=fail@1000000"});
  const auto model = load({.isolation = Isolation::kProcess});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  ASSERT_TRUE((*model)->embed(texts_).ok());
  EXPECT_EQ((*model)->statistics().workers.size(), 1);
}

class HangInAThreadTest : public testing::Test {
 protected:
  std::shared_ptr<Model> load(const std::string& fault, bool fallback) {
    engine_ = *Engine::create(
        {.cache_dir = cache_.path().string(), .probe = false, .simulated_faults = fault});
    LoadOptions options{.path = std::string(ACCEL_TEST_DATA) + "/bert-feature"};
    options.hang_seconds = 2;  // far longer than a run takes, sanitized and beside others
    options.fallback = fallback;
    return *engine_->load(options);
  }
  const models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_;
  const std::vector<std::string> texts_{"one text"};
};

TEST_F(HangInAThreadTest, EndsTheCallAndNotTheNext) {
  const auto model = load("openvino:run=hang@2", false);
  ASSERT_TRUE(model->embed(texts_).ok());
  const Status hung = model->embed(texts_).status();
  EXPECT_EQ(hung.code(), StatusCode::kUnavailable);
  EXPECT_THAT(hung.message(), testing::HasSubstr("did not end within 2 s"));
  EXPECT_EQ(model->embed(texts_).status().to_string(), "OK");
  EXPECT_EQ(model->statistics().hangs, 1);
}

TEST_F(HangInAThreadTest, IsServedByTheNextCandidateWhereThereIsAFallback) {
  const auto model = load("openvino:run=hang@1", true);
  const auto found = model->embed(texts_);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_TRUE(found->report.fallback);
  EXPECT_EQ(found->report.backend, "reference");
  EXPECT_THAT(found->report.fallback_reason, testing::HasSubstr("did not end within 2 s"));
  EXPECT_FALSE(model->embed(texts_)->report.fallback);
}

}  // namespace
}  // namespace accel
