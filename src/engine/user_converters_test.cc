// Models in formats that accel does not know, through the caller's converters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "accel/engine.h"
#include "models/tiny_bert.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

const fs::path kKnownModel = fs::path(ACCEL_TEST_DATA) / "bert-feature";

// A format of our own: a file that names what is to be run.
void write_legacy(const fs::path& path, const std::string& text = "legacy 1\n") {
  std::ofstream(path) << text;
}

class UserConvertersTest : public testing::Test {
 protected:
  UserConvertersTest() { write_legacy(source_); }

  ModelConverter converter(std::string name = "legacy", std::string version = "1") {
    return {.name = std::move(name),
            .version = std::move(version),
            .can_read = [](const std::string& path) { return path.ends_with(".legacy"); },
            .convert =
                [this](const std::string& path, const std::string& output) {
                  ++calls_;
                  EXPECT_TRUE(path.ends_with(".legacy") || path.ends_with("-feature")) << path;
                  fs::copy(kKnownModel, output, fs::copy_options::recursive);
                  return Status();
                }};
  }
  std::unique_ptr<Engine> engine(std::vector<ModelConverter> converters) {
    return *Engine::create({.cache_dir = (scratch_.path() / "cache").string(),
                            .probe = false,
                            .converters = std::move(converters)});
  }
  static std::vector<float> numbers(Engine& engine, const LoadOptions& options) {
    const auto model = engine.load(options);
    if (!model.ok()) {
      ADD_FAILURE() << model.status().to_string();
      return {};
    }
    const auto result = (*model)->embed({"a text"});
    if (!result.ok()) {
      ADD_FAILURE() << result.status().to_string();
      return {};
    }
    const auto data = result->embeddings.data<float>();
    return {data.begin(), data.end()};
  }
  size_t kept() const {
    size_t count = 0;
    for (const auto& one : fs::directory_iterator(scratch_.path() / "cache" / "converted")) {
      EXPECT_TRUE(fs::exists(one.path() / "converted.json")) << one.path();
      ++count;
    }
    return count;
  }

  const models::ScratchFolder scratch_;
  const fs::path source_ = scratch_.path() / "old.legacy";
  std::atomic<int> calls_ = 0;
};

// row 105
TEST_F(UserConvertersTest, AnUnknownFormatIsConvertedOnceAndItsResultIsLoaded) {
  const auto plain = engine({});
  const auto refused = plain->load({.path = source_.string()});
  EXPECT_EQ(refused.status().code(), StatusCode::kNotFound);

  const auto engine = this->engine({converter()});
  const auto model = engine->load({.path = source_.string()});
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto result = (*model)->embed({"a text"});
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->report.notices, Contains("converted by 'legacy' from " + source_.string()));
  EXPECT_EQ(numbers(*engine, {.path = source_.string()}),
            numbers(*plain, {.path = kKnownModel.string()}));
  EXPECT_EQ(calls_, 1);

  // By another engine, and of the same content elsewhere.
  const fs::path moved = scratch_.path() / "moved.legacy";
  fs::copy(source_, moved);
  numbers(*this->engine({converter()}), {.path = moved.string()});
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(kept(), 1U);
  ASSERT_TRUE(engine->describe(moved.string()).ok());
  ASSERT_TRUE(engine->verify(moved.string()).ok());
  EXPECT_EQ(calls_, 1);
}

TEST_F(UserConvertersTest, AnotherContentOrVersionIsConvertedAgain) {
  numbers(*engine({converter()}), {.path = source_.string()});
  write_legacy(source_, "legacy 2\n");
  numbers(*engine({converter()}), {.path = source_.string()});
  EXPECT_EQ(calls_, 2);
  numbers(*engine({converter("legacy", "2")}), {.path = source_.string()});
  EXPECT_EQ(calls_, 3);
  numbers(*engine({converter("legacy", "2")}), {.path = source_.string(), .cache = false});
  EXPECT_EQ(calls_, 4);
  EXPECT_EQ(kept(), 3U);
}

TEST_F(UserConvertersTest, WhatWasKeptIsComparedBeforeItIsUsed) {
  const auto engine = this->engine({converter()});
  numbers(*engine, {.path = source_.string()});
  for (const auto& one : fs::directory_iterator(scratch_.path() / "cache" / "converted")) {
    std::ofstream(one.path() / "model" / "config.json", std::ios::app) << " ";
  }
  numbers(*engine, {.path = source_.string()});
  EXPECT_EQ(calls_, 2);
}

TEST_F(UserConvertersTest, KnownFormatsAreNotAsked) {
  ModelConverter greedy = converter();
  greedy.can_read = [](const std::string&) { return true; };
  const auto engine = this->engine({greedy});
  numbers(*engine, {.path = kKnownModel.string()});
  EXPECT_EQ(calls_, 0);
  // Unless it is called by its name.
  numbers(*engine, {.path = kKnownModel.string(), .model_format = "legacy"});
  EXPECT_EQ(calls_, 1);
  // A broken model is no unknown one.
  const fs::path broken = scratch_.path() / "broken";
  fs::create_directory(broken);
  std::ofstream(broken / "config.json") << "{";
  EXPECT_EQ(engine->load({.path = broken.string()}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(calls_, 1);
}

TEST_F(UserConvertersTest, ErrorsCarryItsNameAndNothingIsKept) {
  const auto message = [&](ModelConverter converter) {
    const auto model = engine({std::move(converter)})->load({.path = source_.string()});
    EXPECT_FALSE(model.ok());
    return model.status().to_string();
  };
  ModelConverter broken = converter();
  broken.convert = [](const std::string&, const std::string&) {
    return data_loss("expected version 1");
  };
  EXPECT_EQ(message(broken),
            "DATA_LOSS: converter 'legacy': " + source_.string() + ": expected version 1");
  broken.convert = [](const std::string&, const std::string&) -> Status {
    throw std::runtime_error("no memory of it");
  };
  EXPECT_THAT(message(broken), AllOf(StartsWith("UNKNOWN: converter 'legacy': "),
                                     HasSubstr("it threw: no memory of it")));
  broken.convert = [](const std::string&, const std::string&) { return Status(); };
  EXPECT_THAT(message(broken), HasSubstr("found no file there"));
  broken.convert = [](const std::string&, const std::string& output) {
    std::ofstream(output + "/model.bin") << "what?";
    return Status();
  };
  EXPECT_THAT(message(broken), AllOf(HasSubstr("converter 'legacy'"), HasSubstr("what it wrote")));
  broken.can_read = [](const std::string&) -> bool { throw 1; };
  EXPECT_THAT(message(broken), HasSubstr("converter 'legacy': can_read: it threw"));
  for (const auto& one : fs::directory_iterator(scratch_.path() / "cache" / "converted")) {
    ADD_FAILURE() << one.path() << " is left";
  }
}

TEST_F(UserConvertersTest, SeveralThreadsConvertOnce) {
  const auto engine = this->engine({converter()});
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] { numbers(*engine, {.path = source_.string()}); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls_, 1);
}

TEST_F(UserConvertersTest, ConvertersThatAreNoneAreRefused) {
  const auto refused = [](std::vector<ModelConverter> converters) {
    return Engine::create({.converters = std::move(converters)}).status().message();
  };
  EXPECT_THAT(refused({converter(""), converter()}), HasSubstr("expected a name"));
  EXPECT_THAT(refused({ModelConverter{.name = "a"}}), HasSubstr("can_read and convert"));
  EXPECT_THAT(refused({converter("a"), converter("a")}), HasSubstr("another name"));
}

// row 105 (partial: a program as converter; the configuration is in tests/journey)
TEST_F(UserConvertersTest, AProgramConverts) {
  const std::string from = kKnownModel.string();
  const auto copying = program_converter(
      ".legacy",
      {"sh", "-c", "test -f \"$1\" && cp -r " + from + " \"$2\"", "sh", "{input}", "{output}"});
  ASSERT_TRUE(copying.ok()) << copying.status().message();
  const auto known = numbers(*engine({}), {.path = from});
  EXPECT_EQ(numbers(*engine({*copying}), {.path = source_.string()}), known);

  write_legacy(source_, "another\n");
  const auto failing = program_converter(
      ".legacy", {"sh", "-c", "echo cannot read it >&2; exit 3", "{input}", "{output}"});
  const auto model = engine({*failing})->load({.path = source_.string()});
  EXPECT_EQ(model.status().to_string(), "UNKNOWN: converter '.legacy': " + source_.string() +
                                            ": sh ended with exit code 3; it said: cannot read it");
  EXPECT_FALSE(program_converter("legacy", {"a", "{input}", "{output}"}).ok());
  EXPECT_FALSE(program_converter(".legacy", {"a", "{input}"}).ok());
}

}  // namespace
}  // namespace accel::engine
