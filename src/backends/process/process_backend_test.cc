// Models in worker processes: the contract of a backend, and what becomes of calls when such a
// process dies or hangs. The tests do to it from outside what a broken engine does from inside.
#include "backends/process/process_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "backend/conformance.h"
#include "backend/one_layer.h"
#include "backends/process/watched_process.h"
#include "base/stopwatch.h"
#include "hardware/core_list.h"

// There when the program is built with a sanitizer.
extern "C" [[gnu::weak]] void __asan_init();  // NOLINT: the sanitizer's name
extern "C" [[gnu::weak]] void __tsan_init();  // NOLINT: likewise

namespace accel::backend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int64_t kRowSize = 64;  // of the one-layer model

bool sanitized() { return __asan_init != nullptr || __tsan_init != nullptr; }

// A race in a worker ends it, and so fails a test: what it prints nobody reads.
bool races_are_fatal() {
  const char* set = std::getenv("TSAN_OPTIONS");
  const std::string options = set == nullptr ? "" : std::string(set) + ":";
  return ::setenv("TSAN_OPTIONS", (options + "halt_on_error=1").c_str(), 1) == 0;
}

ProcessOptions worker_options() {
  static const bool kFatal = races_are_fatal();  // before any thread is started
  EXPECT_TRUE(kFatal);
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return {.program = here / "accel-worker",
          .scratch_folder = std::filesystem::temp_directory_path().string()};
}

// What is asked without compiling, as every backend on a CPU answers; the worker has the rest.
class CpuInfo : public Backend {
 public:
  explicit CpuInfo(std::string name) : name_(std::move(name)) {}
  Info info() const override { return {.name = name_, .available = true}; }
  std::vector<Device> devices() const override {
    return {{.name = "CPU", .kind = "cpu", .precisions = {Precision::kF32}}};
  }
  Result<std::shared_ptr<const CompiledModel>> compile(const std::shared_ptr<const ov::Model>&,
                                                       const CompileOptions&) const override {
    return internal_error("expected the worker process to compile");
  }

 private:
  std::string name_;
};

std::unique_ptr<Backend> isolated(const std::string& name, const ProcessOptions& options) {
  return make_process_backend(std::make_shared<CpuInfo>(name), name, options);
}

std::unique_ptr<Backend> isolated_reference(double hang_seconds = 60) {
  ProcessOptions options = worker_options();
  options.hang_seconds = hang_seconds;
  return isolated("reference", options);
}

std::shared_ptr<const CompiledModel> compiled(const Backend& backend,
                                              const CompileOptions& options = {}) {
  auto model = backend.compile(one_layer_model(), options);
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

// While it is stopped, a run does not end; what is done to it then is done during the run.
struct StoppedRun {
  StoppedRun(const CompiledModel& model, Session& session) {
    stop(pid_of(model));
    status = std::async(std::launch::async, [&] { return run(model, session); });
    EXPECT_EQ(status.wait_for(50ms), std::future_status::timeout);
  }
  std::future<Status> status;
};

// --- the contract ------------------------------------------------------------------------------

TEST(WorkerProcesses, ReferenceConforms) {
  const Status status = run_conformance(*isolated_reference(), {});
  EXPECT_TRUE(status.ok()) << status.message();
}

// Each of its cases starts several processes, which takes minutes where a sanitizer slows them
// down.
TEST(WorkerProcesses, OpenVinoConforms) {
  if (sanitized()) GTEST_SKIP() << "the reference backend shows the same";
  const auto engine = isolated("openvino", worker_options());
  const Status status = run_conformance(*engine, {});
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(WorkerProcesses, TheEngineTellsItsLayers) {
  const auto model = compiled(*isolated("openvino", worker_options()), {.own_kernels = false});
  const auto layers = model->layers();
  ASSERT_TRUE(layers.ok()) << layers.status().to_string();
  EXPECT_TRUE(std::ranges::any_of(layers->layers, [](const LayerReport& layer) {
    return layer.type == "FullyConnected" && !layer.kernel.empty() && layer.precision == "f32";
  }));
  EXPECT_EQ(compiled(*isolated_reference())->layers().status().code(), StatusCode::kUnimplemented);
}

TEST(WorkerProcesses, CheckingNeedsNoModel) {
  const auto reference = isolated_reference();
  EXPECT_TRUE(reference->check({}).ok());
  const Status elsewhere = reference->check({.device = "GPU"});
  EXPECT_EQ(elsewhere.code(), StatusCode::kNotFound);
  EXPECT_THAT(elsewhere.message(), HasSubstr("expected one of: CPU"));
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
  ProcessOptions options = worker_options();
  options.program = program;
  options.compile_seconds = compile_seconds;
  return isolated("reference", options)->compile(one_layer_model(), {}).status();
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

// A program in the place of accel-worker that sends `packets`, whatever it is asked.
class BrokenWorker {
 public:
  explicit BrokenWorker(const std::vector<std::string>& packets) {
    std::ofstream script(path_);
    script << "#!/bin/sh\n";
    for (const std::string& packet : packets) script << "printf '" << packet << "' >&3\n";
    script << "exec sleep 60\n";
    script.close();
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  ~BrokenWorker() { std::filesystem::remove(path_); }
  BrokenWorker(const BrokenWorker&) = delete;
  BrokenWorker& operator=(const BrokenWorker&) = delete;

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                ("accel-broken-worker-" + std::to_string(::getpid()));
};

TEST(WorkerProcesses, WhatIsNoAnswerEndsIt) {
  {
    const BrokenWorker at_once({"\\0no JSON"});
    const Status status = compiled_by(at_once.path());
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_THAT(status.message(), HasSubstr("sent what is no answer and was killed"));
  }
  const std::string ready =
      R"(\0{"code":0,"executed":{"device":"CPU","precision":"f32","streams":1,"threads":1,)"
      R"("kernels":"engine"},"inputs":[["x","f32",[-1,64]]],"outputs":[["y","f32",[-1,64]]],)"
      R"("layers":[],"runs":0,"seconds":0})";
  const BrokenWorker later({ready, "\\0{}"});
  ProcessOptions options = worker_options();
  options.program = later.path();
  const auto model = compiled(*isolated("reference", options));
  const Status status = model->create_session().status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("sent what is no answer and was killed"));
  EXPECT_EQ(model->worker()->crashes, 1);
}

// The graph is the same for both sides, or nothing runs.
TEST(WorkerProcesses, OtherPortsAreRefused) {
  const BrokenWorker other(
      {R"(\0{"code":0,"executed":{"device":"CPU","precision":"f32","streams":1,"threads":1,)"
       R"("kernels":"engine"},"inputs":[["z","f32",[-1,64]]],"outputs":[["y","f32",[-1,64]]],)"
       R"("layers":[],"runs":0,"seconds":0})"});
  const Status status = compiled_by(other.path());
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("other inputs or outputs"));
}

// The system ends the process with the thread that started it; that must not be the caller's.
TEST(WorkerProcesses, OutlivesTheThreadThatCompiled) {
  const auto reference = isolated_reference();
  std::shared_ptr<const CompiledModel> model;
  std::thread([&] { model = compiled(*reference); }).join();
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
  if (!sanitized()) {  // sanitizers keep what is freed
    EXPECT_LT(std::stoll(status_line(pid_of(*model), "VmRSS")) - kilobytes, 4096);
  }
  // Sessions come and go as well.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(run(*model, *session_of(*model)).ok());
  const auto last = session_of(*model);
  EXPECT_TRUE(eventually([&] { return open_files(there) <= files_there + 3; }));
  EXPECT_EQ(model->worker()->starts, 1);
}

TEST(WorkerProcesses, AreBoundToTheirCores) {
  const auto reference = isolated_reference();
  const int core = hardware::allowed_cores().back();
  const auto model = compiled(*reference, {.cores = {core}});
  EXPECT_EQ(status_line(pid_of(*model), "Cpus_allowed_list"), std::to_string(core));
  EXPECT_EQ(model->executed().device, "CPU[" + std::to_string(core) + "]");
  const Status refused = reference->compile(one_layer_model(), {.cores = {core, 1023}}).status();
  EXPECT_EQ(refused.code(), StatusCode::kNotFound);
  EXPECT_THAT(refused.message(),
              HasSubstr("it has " + hardware::core_list_text(hardware::allowed_cores())));
}

}  // namespace
}  // namespace accel::backend
