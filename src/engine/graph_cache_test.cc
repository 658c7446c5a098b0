#include "engine/graph_cache.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "backend/conformance.h"
#include "backends/openvino/openvino_backend.h"
#include "base/try.h"
#include "engine/loaded_model.h"
#include "models/model_folder.h"
#include "store/scratch_folder.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const backend::ConformanceCase& test_case() {
  static const std::vector<backend::ConformanceCase> kCases = backend::conformance_cases();
  return kCases.front();
}

// Counts, exports the word "compiled" and refuses to on demand.
class CountingBackend : public backend::Backend {
 public:
  backend::Info info() const override { return {.name = "counting", .version = version}; }
  std::vector<backend::Device> devices() const override { return {}; }
  Result<std::shared_ptr<const backend::CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& /*model*/,
      const backend::CompileOptions& /*options*/) const override {
    ++compiled;
    if (on_compile) on_compile();
    ACCEL_TRY(compile_failure);
    return std::shared_ptr<const backend::CompiledModel>(std::make_shared<Model>(export_failure));
  }
  Result<std::shared_ptr<const backend::CompiledModel>> import_compiled(
      const backend::Blob& blob, const backend::CompileOptions& /*options*/) const override {
    ++imported;
    ACCEL_TRY(import_failure);
    const std::string_view text(reinterpret_cast<const char*>(blob.bytes.data()),
                                blob.bytes.size());
    if (text != "compiled") return data_loss("expected the word, found another");
    return std::shared_ptr<const backend::CompiledModel>(std::make_shared<Model>(export_failure));
  }

  std::string version = "1";
  Status compile_failure;
  Status export_failure;
  Status import_failure;
  std::function<void()> on_compile;
  mutable int compiled = 0;
  mutable int imported = 0;

 private:
  class Model : public backend::CompiledModel {
   public:
    explicit Model(Status export_failure) : export_failure_(std::move(export_failure)) {}
    const backend::Signature& signature() const override { return signature_; }
    const backend::Executed& executed() const override { return executed_; }
    Result<std::unique_ptr<backend::Session>> create_session() const override {
      return unimplemented("it does not run");
    }
    Status export_to(std::ostream& out) const override {
      ACCEL_TRY(export_failure_);
      out << "compiled";
      return {};
    }

   private:
    const Status export_failure_;
    backend::Signature signature_;
    backend::Executed executed_{.device = "CPU", .precision = Precision::kF32};
  };
};

class GraphCacheFolder : public ::testing::Test {
 protected:
  std::unique_ptr<GraphCache> open(const std::string& cpu = "Xeon") const {
    auto cache = GraphCache::create({.cache_dir = folder_.path(), .cpu = cpu, .wait_max = 30s});
    return std::move(*cache);
  }
  GraphSource source() {
    return {.parts = {{"weights", "0123"}, {"task", "embedding"}},
            .label = "a model",
            .make = [this]() -> Result<std::shared_ptr<const ov::Model>> {
              ++made_;
              return test_case().model;
            }};
  }
  CacheReport compile(const backend::Backend& backend, const GraphSource& source,
                      const backend::CompileOptions& options = {}) const {
    const auto ready = open()->compile(backend, source, options);
    EXPECT_TRUE(ready.ok()) << ready.status().to_string();
    return ready.ok() ? ready->report : CacheReport{};
  }
  void remove_entries(const std::string& kind) const {
    for (const store::EntryInfo& entry : open()->entries().list()) {
      if (entry.key.kind == kind) fs::remove(open()->entries().path_of(entry.digest));
    }
  }

  const store::ScratchFolder folder_;
  int made_ = 0;
};

// row 88 (partial: a command that loads through it)
TEST_F(GraphCacheFolder, TheSecondTimeNothingIsMadeOrCompiled) {
  const CountingBackend backend;
  const CacheReport cold = compile(backend, source());
  EXPECT_EQ(cold.outcome, CacheOutcome::kMade);
  EXPECT_TRUE(cold.stored.get().graph);
  EXPECT_TRUE(cold.stored.get().compiled);
  EXPECT_THAT(cold.warnings, IsEmpty());
  EXPECT_THAT(cold.stored.get().warnings, IsEmpty());
  const CacheReport warm = compile(backend, source());
  EXPECT_EQ(warm.outcome, CacheOutcome::kCompiledFound);
  EXPECT_FALSE(warm.stored.valid());
  EXPECT_THAT(warm.warnings, IsEmpty());
  EXPECT_LT(warm.lookup_ms, 5);
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(backend.compiled, 1);
  EXPECT_EQ(backend.imported, 1);
}

// row 205
TEST_F(GraphCacheFolder, WithoutTheCompiledModelTheGraphIsUsed) {
  const CountingBackend backend;
  compile(backend, source());
  remove_entries("compiled");
  const CacheReport report = compile(backend, source());
  EXPECT_EQ(report.outcome, CacheOutcome::kGraphFound);
  EXPECT_TRUE(report.stored.get().compiled);
  EXPECT_FALSE(report.stored.get().graph);
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(backend.compiled, 2);
  // Nor is the graph needed where the compiled model is.
  remove_entries("graph");
  EXPECT_EQ(compile(backend, source()).outcome, CacheOutcome::kCompiledFound);
  // Without both all is made anew.
  remove_entries("compiled");
  EXPECT_EQ(compile(backend, source()).outcome, CacheOutcome::kMade);
  EXPECT_EQ(made_, 2);
}

// row 100
// row 204 (partial: an automatic check that the command's log shows it)
TEST_F(GraphCacheFolder, WhateverItDependsOnMakesAMissAndIsNamed) {
  CountingBackend backend;
  compile(backend, source());
  const auto missed = [&](const GraphSource& source, const backend::CompileOptions& options) {
    const CacheReport report = compile(backend, source, options);
    EXPECT_NE(report.outcome, CacheOutcome::kCompiledFound);
    return report.changed;
  };
  GraphSource other = source();
  other.parts[0].second = "4567";
  EXPECT_THAT(missed(other, {}), ElementsAre("weights"));
  other = source();
  other.parts[1].second = "classification";
  EXPECT_THAT(missed(other, {}), ElementsAre("task"));
  EXPECT_THAT(missed(source(), {.precision = Precision::kBF16}), ElementsAre("precision"));
  EXPECT_THAT(missed(source(), {.device = "GPU"}), ElementsAre("device"));
  EXPECT_THAT(missed(source(), {.streams = 2}), ElementsAre("streams"));
  EXPECT_THAT(missed(source(), {.threads = 2}), ElementsAre("threads"));
  EXPECT_THAT(missed(source(), {.own_kernels = false}), ElementsAre("kernels"));
  backend.version = "2";
  EXPECT_THAT(missed(source(), {}), ElementsAre("engine"));
  backend.version = "1";
  EXPECT_EQ(compile(backend, source()).outcome, CacheOutcome::kCompiledFound);
  const auto elsewhere = open("Epyc")->compile(backend, source(), {});
  EXPECT_EQ(elsewhere->report.outcome, CacheOutcome::kGraphFound);
  EXPECT_THAT(elsewhere->report.changed, ElementsAre("cpu"));
  EXPECT_EQ(made_, 3);  // the graph depends on weights and task alone
}

// row 203 (partial: the command's log)
TEST_F(GraphCacheFolder, OneOtherWeightIsAnotherModel) {
  const CountingBackend backend;
  const store::ScratchFolder copy;
  fs::copy(fs::path(ACCEL_TEST_DATA) / "bert-feature", copy.path(), fs::copy_options::recursive);
  fs::permissions(copy / "model.safetensors", fs::perms::owner_all);
  const auto source_of_copy = [&] {
    return GraphSource{.parts = {{"files", *open()->hashes().of_files(
                                               copy.path(), {"config.json", "model.safetensors"})}},
                       .label = "a copy",
                       .make = [&]() -> Result<std::shared_ptr<const ov::Model>> {
                         ++made_;
                         ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(copy.path()));
                         ACCEL_ASSIGN(const auto built, folder->build({.sentence = true}));
                         return std::shared_ptr<const ov::Model>(built.model);
                       }};
  };
  EXPECT_EQ(compile(backend, source_of_copy()).outcome, CacheOutcome::kMade);
  EXPECT_EQ(compile(backend, source_of_copy()).outcome, CacheOutcome::kCompiledFound);
  std::string weights = store::read_text(copy / "model.safetensors");
  weights.back() ^= 1;
  store::write_text(copy / "model.safetensors", weights);
  const CacheReport report = compile(backend, source_of_copy());
  EXPECT_EQ(report.outcome, CacheOutcome::kMade);
  EXPECT_THAT(report.changed, ElementsAre("files"));
  EXPECT_EQ(made_, 2);
}

TEST_F(GraphCacheFolder, WhatCannotBeExportedIsSaidAndNotTriedAgain) {
  CountingBackend backend;
  backend.export_failure = unimplemented("kernels of its own");
  const CacheReport cold = compile(backend, source());
  EXPECT_FALSE(cold.stored.get().compiled);
  EXPECT_TRUE(cold.stored.get().graph);
  EXPECT_EQ(cold.stored.get().not_kept, "kernels of its own");
  EXPECT_THAT(cold.warnings, IsEmpty());
  const CacheReport warm = compile(backend, source());
  EXPECT_EQ(warm.outcome, CacheOutcome::kGraphFound);
  EXPECT_EQ(warm.not_kept, "kernels of its own");
  EXPECT_FALSE(warm.stored.valid());
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(backend.imported, 0);
}

TEST_F(GraphCacheFolder, KeepsOnlyWhatIsAsked) {
  const CountingBackend backend;
  GraphSource only_graph = source();
  only_graph.keep_compiled = false;
  EXPECT_FALSE(compile(backend, only_graph).stored.get().compiled);
  EXPECT_EQ(compile(backend, only_graph).outcome, CacheOutcome::kGraphFound);
  GraphSource neither = source();
  neither.keep_compiled = neither.keep_graph = false;
  neither.parts[0].second = "other";
  compile(backend, neither);
  EXPECT_EQ(compile(backend, neither).outcome, CacheOutcome::kMade);
  EXPECT_EQ(open()->entries().list().size(), 1);
}

TEST_F(GraphCacheFolder, DamageIsAWarningAndMendedByMaking) {
  const CountingBackend backend;
  compile(backend, source());
  for (const store::EntryInfo& entry : open()->entries().list()) {
    const fs::path path = open()->entries().path_of(entry.digest);
    std::string text = store::read_text(path);
    text.back() ^= 1;
    store::write_text(path, text);
  }
  const CacheReport report = compile(backend, source());
  EXPECT_EQ(report.outcome, CacheOutcome::kMade);
  ASSERT_FALSE(report.warnings.empty());
  EXPECT_THAT(report.warnings[0], HasSubstr("checksum"));
  EXPECT_TRUE(report.stored.get().graph && report.stored.get().compiled);
  const CacheReport mended = compile(backend, source());
  EXPECT_EQ(mended.outcome, CacheOutcome::kCompiledFound);
  EXPECT_THAT(mended.warnings, IsEmpty());
}

TEST_F(GraphCacheFolder, AnImportThatFailsIsAWarning) {
  CountingBackend backend;
  compile(backend, source());
  backend.import_failure = data_loss("not mine");
  const CacheReport report = compile(backend, source());
  EXPECT_EQ(report.outcome, CacheOutcome::kGraphFound);
  ASSERT_EQ(report.warnings.size(), 1);
  EXPECT_THAT(report.warnings[0], HasSubstr("not mine"));
  EXPECT_EQ(backend.compiled, 2);
}

TEST_F(GraphCacheFolder, FailuresOfTheModelAreFailuresAndLeaveNothing) {
  CountingBackend backend;
  backend.compile_failure = unimplemented("an unheard operation");
  GraphSource broken = source();
  broken.make = [] { return Result<std::shared_ptr<const ov::Model>>(data_loss("half a file")); };
  EXPECT_THAT(open()->compile(backend, broken, {}).status().message(), HasSubstr("half a file"));
  EXPECT_THAT(open()->entries().list(), IsEmpty());
  EXPECT_EQ(open()->compile(backend, source(), {}).status().code(), StatusCode::kUnimplemented);
  backend.compile_failure = {};
  EXPECT_EQ(compile(backend, source()).outcome, CacheOutcome::kGraphFound);
}

TEST_F(GraphCacheFolder, AFolderThatCannotBeUsedIsAWarning) {
  const CountingBackend backend;
  store::write_text(folder_ / "entries", "a file, where a folder should be");
  const CacheReport report = compile(backend, source());
  EXPECT_EQ(report.outcome, CacheOutcome::kMade);
  EXPECT_FALSE(report.warnings.empty());
  EXPECT_EQ(backend.compiled, 1);
}

// What one of several processes does, in the folder of kSharedFolder; disabled, since only
// OfEightProcessesAtOnceOneCompiles starts it.
constexpr const char* kSharedFolder = "ACCEL_TEST_SHARED_FOLDER";
TEST(GraphCacheProcess, DISABLED_CompilesOrFinds) {
  ASSERT_NE(std::getenv(kSharedFolder), nullptr);
  const fs::path folder = std::getenv(kSharedFolder);
  CountingBackend backend;
  backend.on_compile = [&folder] {
    std::this_thread::sleep_for(200ms);
    std::ofstream(folder / "compiled", std::ios::app) << 'x';
  };
  const auto cache = GraphCache::create({.cache_dir = folder, .cpu = "Xeon", .wait_max = 30s});
  const auto make = [] { return Result(test_case().model); };
  const auto ready =
      (*cache)->compile(backend, {.parts = {}, .label = "a model", .make = make}, {});
  ASSERT_TRUE(ready.ok()) << ready.status().to_string();
  EXPECT_THAT(ready->report.warnings, IsEmpty());
  EXPECT_EQ(backend.compiled + backend.imported, 1);
}

TEST_F(GraphCacheFolder, OfEightProcessesAtOnceOneCompiles) {
  // Started anew, not forked: the engine's threads would not live on in a forked child.
  const std::string command = fmt::format(
      "{}='{}' GTEST_OUTPUT= exec '{}' --gtest_also_run_disabled_tests "
      "--gtest_filter=GraphCacheProcess.DISABLED_CompilesOrFinds 2>&1",
      kSharedFolder, folder_.path().string(), fs::read_symlink("/proc/self/exe").string());
  std::vector<FILE*> processes;
  for (int i = 0; i < 8; ++i) processes.push_back(::popen(command.c_str(), "r"));
  for (FILE* process : processes) {
    ASSERT_NE(process, nullptr);
    std::string output;
    for (int c = 0; (c = std::fgetc(process)) != EOF;) output += static_cast<char>(c);
    EXPECT_EQ(::pclose(process), 0) << output;
  }
  EXPECT_EQ(store::read_text(folder_ / "compiled"), "x");
}

TEST_F(GraphCacheFolder, TheRealEngineGivesTheSameNumbers) {
  const auto backend = backend::make_openvino_backend();
  if (!backend->info().available) GTEST_SKIP() << backend->info().reason;
  std::vector<CacheOutcome> outcomes;
  for (int i = 0; i < 3; ++i) {
    const auto ready = open()->compile(*backend, source(), {.own_kernels = false});
    ASSERT_TRUE(ready.ok()) << ready.status().to_string();
    EXPECT_THAT(ready->report.warnings, IsEmpty());
    outcomes.push_back(ready->report.outcome);
    const auto session = ready->model->create_session();
    ASSERT_TRUE(session.ok());
    for (const backend::ConformanceRun& run : test_case().runs) {
      NamedTensors outputs;
      ASSERT_TRUE((*session)->run(run.inputs, outputs).ok());
      for (const NamedTensor& expected : run.expected) {
        const Tensor* found = find(outputs, expected.name);
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(found->shape(), expected.tensor.shape());
        const auto values = expected.tensor.data<float>();
        for (size_t at = 0; at < values.size(); ++at) {
          EXPECT_NEAR(found->data<float>()[at], values[at], 1e-5);
        }
      }
    }
    if (i == 1) remove_entries("compiled");
  }
  EXPECT_THAT(outcomes, ElementsAre(CacheOutcome::kMade, CacheOutcome::kCompiledFound,
                                    CacheOutcome::kGraphFound));
}

TEST(WorthKeeping, IsWhatTakesLongToMakeAgain) {
  const auto keeps = [](std::string_view source, std::string_view device) {
    const Keeping keep = worth_keeping(source, device);
    return std::pair(keep.graph, keep.compiled);
  };
  EXPECT_EQ(keeps("native", "CPU"), std::pair(false, false));
  EXPECT_EQ(keeps("native", "GPU"), std::pair(false, true));
  EXPECT_EQ(keeps("openvino-ir", "CPU"), std::pair(false, true));
  EXPECT_EQ(keeps("gguf", "CPU"), std::pair(false, true));
  for (const char* source : {"onnx", "tensorflow", "tensorflow-lite", "paddle"}) {
    EXPECT_EQ(keeps(source, "CPU"), std::pair(true, true)) << source;
    EXPECT_EQ(keeps(source, "GPU"), std::pair(true, true)) << source;
  }
}

// row 328 (partial: the command is in tests/journey)
TEST(FitsHome, AnotherMachineIsRefusedWithTheReason) {
  const CacheHome home{.accel = "0.1 a", .cpu = "Xeon", .engines = {"openvino 1", "reference 1"}};
  store::CacheKey graph{.kind = "graph", .parts = {{"weights", "0"}, {"accel", "0.1 a"}}};
  EXPECT_TRUE(fits_home(graph, home).ok());
  store::CacheKey compiled = graph;
  compiled.add("engine", "openvino 1").add("cpu", "Xeon");
  EXPECT_TRUE(fits_home(compiled, home).ok());
  const auto refused = [&](const CacheHome& other) {
    const Status status = fits_home(compiled, other);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    return status.message();
  };
  EXPECT_THAT(refused({"0.1 b", "Xeon", {"openvino 1"}}), HasSubstr("made for accel '0.1 a'"));
  EXPECT_THAT(refused({"0.1 a", "Epyc", {"openvino 1"}}), HasSubstr("found 'Epyc' here"));
  EXPECT_THAT(refused({"0.1 a", "Xeon", {"openvino 2"}}), HasSubstr("engine 'openvino 1'"));
  EXPECT_TRUE(fits_home(graph, {"0.1 a", "Epyc", {}}).ok());  // a graph runs anywhere
}

TEST(AccelBuild, IsTheSameEachTimeAndNamesTheVersion) {
  const store::ScratchFolder folder;
  const auto hashes = store::ContentHashes::create({.folder = folder.path()});
  EXPECT_EQ(accel_build(*hashes), accel_build(*hashes));
  EXPECT_THAT(accel_build(*hashes), ::testing::MatchesRegex("[0-9.]+ [0-9a-f]{16}"));
}

}  // namespace
}  // namespace accel::engine
