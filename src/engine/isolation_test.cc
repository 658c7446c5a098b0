// Models in worker processes: the contract of a backend, and what becomes of calls when such a
// process dies or hangs. The tests do to it from outside what a broken engine does from inside.
#include "engine/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "backend/conformance.h"
#include "backend/one_layer.h"
#include "backends/openvino/openvino_backend.h"
#include "backends/process/process_backend.h"
#include "backends/reference/reference_backend.h"
#include "base/stopwatch.h"
#include "engine/installed_program.h"
#include "hardware/core_list.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using backend::Backend;
using backend::CompiledModel;
using backend::Session;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int64_t kRowSize = 64;  // of the one-layer model

backend::ProcessOptions worker_options() {
  const auto program = engine::find_installed_program("accel-worker");
  if (!program) ADD_FAILURE() << "accel-worker is not beside this test";
  return {.program = program.value_or(""),
          .scratch_folder = std::filesystem::temp_directory_path().string()};
}

std::unique_ptr<Backend> isolated_reference(double hang_seconds = 60) {
  backend::ProcessOptions options = worker_options();
  options.hang_seconds = hang_seconds;
  return make_process_backend(backend::make_reference_backend(), "reference", options);
}

std::shared_ptr<const CompiledModel> compiled(const Backend& backend,
                                              const backend::CompileOptions& options = {}) {
  auto model = backend.compile(backend::one_layer_model(), options);
  if (!model.ok()) ADD_FAILURE() << model.status().to_string();
  return model.ok() ? *model : nullptr;
}

std::unique_ptr<Session> session_of(const CompiledModel& model) {
  auto session = model.create_session();
  if (!session.ok()) ADD_FAILURE() << session.status().to_string();
  return session.ok() ? std::move(*session) : nullptr;
}

NamedTensors inputs_for(const CompiledModel& model, int64_t rows = 1) {
  const std::vector<float> values(static_cast<size_t>(rows * kRowSize), 0.5F);
  return {{model.signature().inputs.at(0).name,
           Tensor::from<float>({rows, kRowSize}, std::span(values))}};
}

Status run(const CompiledModel& model, Session& session, int64_t rows = 1) {
  NamedTensors outputs;
  return session.run(inputs_for(model, rows), outputs);
}

int pid_of(const CompiledModel& model) { return model.worker()->pid; }

bool gone(int pid) { return ::kill(pid, 0) != 0; }

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

std::string status_line(int pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":"))
      return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return "";
}

// What a hanging engine does: nothing.
void stop(int pid) {
  ::kill(pid, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return status_line(pid, "State").starts_with("T"); }));
}

// While it is stopped, a run does not end; what is done to it then is done during the run.
struct StoppedRun {
  StoppedRun(const CompiledModel& model, Session& session) {
    stop(pid_of(model));
    status = std::async(std::launch::async, [&] { return run(model, session); });
    EXPECT_EQ(status.wait_for(50ms), std::future_status::timeout);
  }
  std::future<Status> status;
};

size_t open_files(const std::string& process) {
  size_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/" + process + "/fd", error), end; at != end;
       ++at) {
    ++count;
  }
  return count;
}

// --- the contract ------------------------------------------------------------------------------

TEST(WorkerProcesses, ReferenceConforms) {
  const Status status = run_conformance(*isolated_reference(), {});
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(WorkerProcesses, OpenVinoConforms) {
  const auto isolated =
      make_process_backend(backend::make_openvino_backend(), "openvino", worker_options());
  const Status status = run_conformance(*isolated, {});
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(WorkerProcesses, LayersAreThoseOfTheEngine) {
  const auto isolated =
      make_process_backend(backend::make_openvino_backend(), "openvino", worker_options());
  const auto here = compiled(*backend::make_openvino_backend(), {.own_kernels = false});
  const auto there = compiled(*isolated, {.own_kernels = false});
  const auto expected = here->layers();
  const auto found = there->layers();
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  ASSERT_EQ(found->layers.size(), expected->layers.size());
  for (size_t i = 0; i < found->layers.size(); ++i) {
    EXPECT_EQ(found->layers[i].type, expected->layers[i].type);
    EXPECT_EQ(found->layers[i].kernel, expected->layers[i].kernel);
  }
}

TEST(WorkerProcesses, CheckingNeedsNoModel) {
  const auto isolated = isolated_reference();
  EXPECT_TRUE(isolated->check({}).ok());
  const Status elsewhere = isolated->check({.device = "GPU"});
  EXPECT_EQ(elsewhere.code(), StatusCode::kNotFound);
  EXPECT_THAT(elsewhere.message(), HasSubstr("expected CPU"));
}

// Memory grows with the tensors, and what is wrong is said by the engine there.
TEST(WorkerProcesses, TensorsOfAnySize) {
  const auto model = compiled(*isolated_reference());
  const auto session = session_of(*model);
  for (const int64_t rows : {1, 1000, 0, 20'000, 3}) {
    NamedTensors outputs;
    const Status status = session->run(inputs_for(*model, rows), outputs);
    ASSERT_TRUE(status.ok()) << status.to_string();
    ASSERT_EQ(outputs.at(0).tensor.shape(), (Shape{rows, kRowSize}));
    if (rows == 0) continue;
    const auto values = outputs[0].tensor.data<float>();
    const std::span<const float> first = values.first(kRowSize);
    EXPECT_TRUE(std::ranges::equal(first, values.last(kRowSize)));
    EXPECT_NE(first[0], 0);
  }
}

// --- what a crash comes to ---------------------------------------------------------------------

TEST(WorkerProcesses, ADeadProcessEndsItsRunsAndIsStartedAgain) {
  const auto model = compiled(*isolated_reference());
  const auto session = session_of(*model);
  const auto other = session_of(*model);
  ASSERT_TRUE(run(*model, *session).ok());
  const int pid = pid_of(*model);
  StoppedRun one(*model, *session);
  StoppedRun two(*model, *other);
  ::kill(pid, SIGKILL);
  for (StoppedRun* stopped : {&one, &two}) {
    const Status ended = stopped->status.get();
    EXPECT_EQ(ended.code(), StatusCode::kUnavailable);
    EXPECT_THAT(ended.message(), AllOf(HasSubstr("worker process " + std::to_string(pid)),
                                       HasSubstr("reference on CPU"), HasSubstr("signal 9 (Killed"),
                                       HasSubstr("the next call after 0.1 s starts it again")));
  }
  // At once, with the time that is left.
  const auto begin = Clock::now();
  const Status early = run(*model, *session);
  if (!early.ok()) {
    EXPECT_EQ(early.code(), StatusCode::kUnavailable);
    EXPECT_THAT(early.message(), HasSubstr("started again by the first call after 0."));
    EXPECT_LT(seconds_since(begin), 0.1);
  }
  std::this_thread::sleep_for(120ms);
  EXPECT_EQ(run(*model, *session).to_string(), "OK");
  EXPECT_EQ(run(*model, *other).to_string(), "OK");
  EXPECT_NE(pid_of(*model), pid);
  EXPECT_EQ(model->worker()->starts, 2);
  EXPECT_EQ(model->worker()->crashes, 1);
  EXPECT_EQ(model->worker()->hangs, 0);
  EXPECT_TRUE(gone(pid));
}

// The calls of a process that died while nobody ran never know, once it may be started again.
TEST(WorkerProcesses, ADeathBetweenRunsCostsNoRun) {
  const auto model = compiled(*isolated_reference());
  const auto session = session_of(*model);
  for (uint64_t deaths = 1; deaths <= 2; ++deaths) {
    const int pid = pid_of(*model);
    ::kill(pid, SIGABRT);
    ASSERT_TRUE(eventually([&] { return gone(pid); }));  // nor is a zombie left
    ASSERT_TRUE(eventually([&] { return run(*model, *session).ok(); }));
    EXPECT_EQ(model->worker()->starts, deaths + 1);
    EXPECT_EQ(model->worker()->crashes, deaths);
  }
}

TEST(WorkerProcesses, AHangingRunIsEnded) {
  const auto model = compiled(*isolated_reference(0.3));
  const auto session = session_of(*model);
  const int pid = pid_of(*model);
  stop(pid);
  const auto begin = Clock::now();
  const Status ended = run(*model, *session);
  EXPECT_GE(seconds_since(begin), 0.3);
  EXPECT_EQ(ended.code(), StatusCode::kUnavailable);
  EXPECT_THAT(ended.message(),
              AllOf(HasSubstr("worker process " + std::to_string(pid)),
                    HasSubstr("within 0.3 s and was killed"), HasSubstr("starts it again")));
  EXPECT_TRUE(gone(pid));
  std::this_thread::sleep_for(120ms);
  EXPECT_EQ(run(*model, *session).to_string(), "OK");
  EXPECT_EQ(model->worker()->hangs, 1);
  EXPECT_EQ(model->worker()->crashes, 0);
}

TEST(WorkerProcesses, NeverHungWhenTheTimeIsZero) {
  const auto model = compiled(*isolated_reference(0));
  const auto session = session_of(*model);
  StoppedRun stopped(*model, *session);
  EXPECT_EQ(stopped.status.wait_for(300ms), std::future_status::timeout);
  ::kill(pid_of(*model), SIGCONT);
  EXPECT_EQ(stopped.status.get().to_string(), "OK");
}

// --- starting ----------------------------------------------------------------------------------

Status compiled_by(const std::string& program, double compile_seconds = 600) {
  backend::ProcessOptions options = worker_options();
  options.program = program;
  options.compile_seconds = compile_seconds;
  return make_process_backend(backend::make_reference_backend(), "reference", options)
      ->compile(backend::one_layer_model(), {})
      .status();
}

TEST(WorkerProcesses, AProgramThatIsNoneIsSaid) {
  const Status missing = compiled_by("nowhere/accel-worker");
  EXPECT_EQ(missing.code(), StatusCode::kUnavailable);
  EXPECT_THAT(missing.message(), HasSubstr("nowhere/accel-worker"));
  const Status another = compiled_by("/bin/true");
  EXPECT_EQ(another.code(), StatusCode::kUnavailable);
  EXPECT_THAT(another.message(), HasSubstr("while it compiled the graph"));
  const Status silent = compiled_by("/bin/sleep", 0.2);  // for seconds: the number is a process id
  EXPECT_EQ(silent.code(), StatusCode::kUnavailable);
  EXPECT_THAT(silent.message(), HasSubstr("was not ready after 0.2 s and was killed"));
}

// The system ends the process with the thread that started it; that must not be the caller's.
TEST(WorkerProcesses, OutlivesTheThreadThatCompiled) {
  const auto isolated = isolated_reference();
  std::shared_ptr<const CompiledModel> model;
  std::thread([&] { model = compiled(*isolated); }).join();
  const auto session = session_of(*model);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(run(*model, *session).to_string(), "OK");
  EXPECT_EQ(model->worker()->starts, 1);
}

TEST(WorkerProcesses, EndsWithItsModelAndLeavesNothing) {
  const size_t before = open_files("self");
  auto model = compiled(*isolated_reference());
  auto session = session_of(*model);
  const int pid = pid_of(*model);
  ASSERT_TRUE(run(*model, *session).ok());
  model.reset();
  EXPECT_FALSE(gone(pid));  // the session has it
  session.reset();
  EXPECT_TRUE(gone(pid));
  EXPECT_EQ(open_files("self"), before);
}

TEST(WorkerProcesses, TenThousandRunsLeaveNothingBehind) {
  const auto model = compiled(*isolated_reference());
  const auto session = session_of(*model);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(run(*model, *session, 1 + i % 7).ok());
  const std::string there = std::to_string(pid_of(*model));
  const size_t files = open_files("self");
  const size_t files_there = open_files(there);
  const int64_t kilobytes = std::stoll(status_line(pid_of(*model), "VmRSS"));
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(run(*model, *session, 1 + i % 7).ok());
  EXPECT_EQ(open_files("self"), files);
  EXPECT_EQ(open_files(there), files_there);
  EXPECT_LT(std::stoll(status_line(pid_of(*model), "VmRSS")) - kilobytes, 4096);
  // Sessions come and go as well.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(run(*model, *session_of(*model)).ok());
  const auto last = session_of(*model);
  EXPECT_TRUE(eventually([&] { return open_files(there) <= files_there + 3; }));
  EXPECT_EQ(model->worker()->starts, 1);
}

TEST(WorkerProcesses, AreBoundToTheirCores) {
  const auto isolated = isolated_reference();
  const int core = hardware::allowed_cores().back();
  const auto model = compiled(*isolated, {.cores = {core}});
  EXPECT_EQ(status_line(pid_of(*model), "Cpus_allowed_list"), std::to_string(core));
  EXPECT_EQ(model->executed().device, "CPU[" + std::to_string(core) + "]");
  const Status refused =
      isolated->compile(backend::one_layer_model(), {.cores = {core, 1023}}).status();
  EXPECT_EQ(refused.code(), StatusCode::kNotFound);
  EXPECT_THAT(refused.message(),
              HasSubstr("it has " + hardware::core_list_text(hardware::allowed_cores())));
}

// --- by the engine -----------------------------------------------------------------------------

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

TEST_F(IsolationTest, WrongTimesAreRefused) {
  for (const double seconds : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(load({.isolation = Isolation::kProcess, .hang_seconds = seconds}).status().code(),
              StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace accel
