// What a caller's own log receives of an engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "accel/engine.h"
#include "base/log.h"
#include "models/tiny_bert.h"

namespace accel::engine {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

namespace fs = std::filesystem;

const fs::path kData = ACCEL_TEST_DATA;
const std::string kTinyText = (kData / "bert-feature").string();

// A logger of the caller's, as programs have one.
class Collector {
 public:
  LogOptions options(std::string levels) {
    return {.sink =
                [this](const LogLine& line) {
                  const std::lock_guard lock(mutex_);
                  lines_.push_back(std::string(line.name) + " " +
                                   std::string(to_string(line.level)) + ": " +
                                   std::string(line.text));
                },
            .levels = std::move(levels)};
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

class LogSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Engine> engine(std::string levels) {
    return *Engine::create({.cache_dir = cache_.path().string(),
                            .probe = false,
                            .log = collector_.options(std::move(levels))});
  }
  LogSinkTest() {
    fs::create_directory(folder_);
    fs::copy(kTinyText, folder_, fs::copy_options::recursive);
    fs::remove(folder_ / "model.safetensors");
    fs::copy(kData / "foreign" / "bert-feature-onnx" / "model.onnx", folder_);
  }

  const models::ScratchFolder cache_;
  // A graph, which is worth keeping in the cache, and what says how it embeds.
  const fs::path folder_ = cache_.path() / "graph";
  const std::string graph_ = folder_.string();
  Collector collector_;  // outlives engines and models
};

// row 104
TEST_F(LogSinkTest, ReceivesEngineBackendCacheAndFallback) {
  const auto engine = this->engine("debug");
  for (int start = 0; start < 2; ++start) {
    const auto model = engine->load({.path = graph_, .device = "GPU.7", .fallback = true});
    ASSERT_TRUE(model.ok()) << model.status().message();
    const auto result = (*model)->embed({"a text"});
    ASSERT_TRUE(result.ok());
    if (result->report.cache.stored.valid()) result->report.cache.stored.wait();
  }
  const std::vector<std::string> lines = collector_.lines();
  EXPECT_THAT(lines, Contains("accel.engine debug: device CPU by openvino, isolation thread"));
  EXPECT_THAT(lines, Contains(StartsWith("accel.engine debug: precision f32")));
  EXPECT_THAT(lines, Contains(StartsWith("accel.engine info: loaded " + graph_)));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("accel.backend debug: compiled for CPU in f32"),
                                    HasSubstr("runs on CPU in f32"))));
  EXPECT_THAT(lines, Contains(StartsWith("accel.fallback debug: cannot load on openvino on GPU.7: "
                                         "device 'GPU.7'")));
  EXPECT_THAT(lines,
              Contains(StartsWith("accel.fallback warning: openvino on CPU instead of openvino on "
                                  "GPU.7: device 'GPU.7'")));
  EXPECT_THAT(lines,
              Contains(AllOf(StartsWith("accel.cache debug: "), HasSubstr("nothing found"))));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("accel.cache debug: "), HasSubstr("kept the"))));
  EXPECT_THAT(lines, Contains(AllOf(StartsWith("accel.cache debug: "), HasSubstr("found the"))));
}

// row 159
TEST_F(LogSinkTest, ARunThatFallsBackIsOneLineWithModelFromToAndReason) {
  const auto engine = *Engine::create({.cache_dir = cache_.path().string(),
                                       .probe = false,
                                       .simulated_faults = "openvino:run=fail@2",
                                       .log = collector_.options("off,accel.fallback=warning")});
  const auto model = *engine->load({.path = kTinyText, .fallback = true});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(model->embed({"a text"}).ok());
  EXPECT_THAT(collector_.lines(),
              ElementsAre("accel.fallback warning: " + std::string(kTinyText) +
                          ": a run: reference on CPU instead of openvino on CPU: simulated fault "
                          "openvino:run=fail@2: the engine failed"));
  EXPECT_EQ(model->statistics().fallbacks, 1);
}

// row 144 (partial: the library; the program is in tests/journey)
TEST_F(LogSinkTest, ANameAloneIsSaidAtDebugLevel) {
  const auto engine = this->engine("off,accel.cache=debug");
  ASSERT_TRUE(engine->load({.path = graph_}).ok());
  const std::vector<std::string> lines = collector_.lines();
  EXPECT_THAT(lines, Not(IsEmpty()));
  EXPECT_THAT(lines, Each(StartsWith("accel.cache ")));
}

TEST_F(LogSinkTest, WithoutLevelsItIsInfoAndErrorsAreSaid) {
  const auto engine = this->engine("");
  ASSERT_TRUE(engine->load({.path = kTinyText}).ok());
  EXPECT_FALSE(engine->load({.path = kTinyText, .device = "GPU.7"}).ok());
  const std::vector<std::string> lines = collector_.lines();
  EXPECT_THAT(lines, Each(Not(HasSubstr(" debug: "))));
  EXPECT_THAT(lines, Contains(StartsWith("accel.engine info: loaded ")));
  EXPECT_THAT(lines, Contains(StartsWith("accel.engine error: not loaded: device 'GPU.7'")));
}

TEST_F(LogSinkTest, EachEngineHasItsOwnAndMayBeCalledByItsSink) {
  Collector other;
  std::unique_ptr<Engine> second;
  std::vector<size_t> asked;
  const auto options = other.options("debug");
  second = *Engine::create({.cache_dir = cache_.path().string(),
                            .probe = false,
                            .log = {.sink =
                                        [&](const LogLine& line) {
                                          if (second) asked.push_back(second->tasks().size());
                                          options.sink(line);
                                        },
                                    .levels = "debug"}});
  const auto first = this->engine("debug");
  const size_t before = collector_.lines().size();
  std::thread([&] { ASSERT_TRUE(second->load({.path = kTinyText}).ok()); }).join();
  EXPECT_EQ(collector_.lines().size(), before);
  EXPECT_THAT(other.lines(), Contains(StartsWith("accel.engine info: loaded ")));
  EXPECT_THAT(asked, Not(IsEmpty()));
}

TEST_F(LogSinkTest, LevelsThatAreNoneAreRefused) {
  const auto engine = Engine::create({.log = collector_.options("engine=loud")});
  EXPECT_EQ(engine.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(engine.status().message(), HasSubstr("'loud'"));
}

}  // namespace
}  // namespace accel::engine
