// Models as a configuration has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "accel/config.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kConfiguredModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

class ConfiguredManagerTest : public testing::Test {
 protected:
  std::string file(const std::string& text) const {
    const std::string path = (folder_.path() / "backend.yaml").string();
    std::ofstream(path) << text;
    return path;
  }
  static Config read(ConfigSources sources) {
    sources.environment = false;
    auto config = Config::read(sources);
    if (!config.ok()) ADD_FAILURE() << config.status().to_string();
    return std::move(*config);
  }
  RunReport run(ModelManager& manager, const std::string& name) {
    const auto lease = manager.acquire(name);
    if (!lease.ok()) {
      ADD_FAILURE() << lease.status().to_string();
      return {};
    }
    return (*lease)->embed({"a text"}).value().report;
  }
  RunReport run(const LoadOptions& options) {
    const auto model = engine_->load(options);
    if (!model.ok()) {
      ADD_FAILURE() << model.status().to_string();
      return {};
    }
    return (*model)->embed({"a text"}).value().report;
  }

  const models::ScratchFolder folder_;
  const std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = (folder_.path() / "cache").string(), .probe = false});
};

// row 155
TEST_F(ConfiguredManagerTest, ThreeModelsLoadWithTheBackendsTheirOverridesState) {
  const Config config = read({.file = file("backend: {default: reference}\nmodel_overrides:\n"
                                           "  a: {backend: openvino, model_path: " +
                                           kConfiguredModel +
                                           "}\n"
                                           "  b: {model_path: " +
                                           kConfiguredModel +
                                           "}\n"
                                           "  c: {backend: pytorch, pinned: true, model_path: " +
                                           kConfiguredModel + "}\n")});
  EXPECT_THAT(config.models(), ElementsAre("a", "b", "c"));
  const auto manager = create_manager(*engine_, config);
  ASSERT_TRUE(manager.ok()) << manager.status().to_string();
  EXPECT_EQ(run(**manager, "a").backend, "openvino");
  EXPECT_EQ(run(**manager, "b").backend, "reference");
  EXPECT_FALSE(run(**manager, "b").fallback);
  EXPECT_EQ(run(**manager, "c").backend, "reference");
  EXPECT_TRUE(run(**manager, "c").fallback);
  const auto models = (*manager)->models();
  EXPECT_FALSE(models[1].pinned);
  EXPECT_TRUE(models[2].pinned);
}

// rows 151 and 173
TEST_F(ConfiguredManagerTest, TheBackendOfCodeWinsOverTheFile) {
  const std::string path = file("backend: {default: openvino}\nmodel_overrides: {a: openvino}\n");
  const Config plain = read({.file = path, .settings = {{"backend", "reference"}}});
  EXPECT_EQ(plain.load_options("a")->backend, "reference");
  EXPECT_EQ(run(*plain.load_options(kConfiguredModel)).backend, "reference");
  const std::string other = file("backend: {default: pytorch}\n");
  const Config accelerated = read({.file = other, .settings = {{"backend", "openvino"}}});
  EXPECT_EQ(run(*accelerated.load_options(kConfiguredModel)).backend, "openvino");
}

// row 34
TEST_F(ConfiguredManagerTest, TheDeviceOfTheFileAndThatOfCodeShowInTheResult) {
  const std::string path = file("backend: {default: openvino}\nopenvino: {device: CPU/1}\n");
  EXPECT_EQ(run(*read({.file = path}).load_options(kConfiguredModel)).device, "CPU/1");
  const Config by_code = read({.file = path, .settings = {{"device", "AUTO"}}});
  EXPECT_EQ(run(*by_code.load_options(kConfiguredModel)).device, "CPU");
}

// row 152
TEST_F(ConfiguredManagerTest, OneModelsBackendAtItsLoadWinsOverTheManagers) {
  const Config config = read({.settings = {{"backend", "reference"}}});
  const auto manager = create_manager(*engine_, config);
  ASSERT_TRUE(manager.ok());
  for (const char* name : {"plain", "accelerated"}) {
    std::vector<ConfigSetting> settings{{"model_path", kConfiguredModel}};
    if (std::string(name) == "accelerated") settings.push_back({"backend", "openvino"});
    ASSERT_TRUE((*manager)->define(*config.definition(name, settings)).ok());
  }
  const auto first = (*manager)->acquire("plain");
  const auto second = (*manager)->acquire("accelerated");
  EXPECT_EQ((*first)->embed({"x"})->report.backend, "reference");
  EXPECT_EQ((*second)->embed({"x"})->report.backend, "openvino");
}

// row 156
TEST_F(ConfiguredManagerTest, AFileAndAnObjectAreMergedOverTheDefaults) {
  const Config from_object = read({.settings = {{"openvino.device", "AUTO"}}});
  for (const EffectiveOption& one : from_object.effective()) {
    EXPECT_EQ(one.source, one.key == "device" ? "code" : "default") << one.key;
  }
  EXPECT_EQ(read({.file = file("backend: {openvino: {device: AUTO}}")}).load_options()->device,
            from_object.load_options()->device);
}

// row 161 (partial: the library)
TEST_F(ConfiguredManagerTest, TheSameOptionsInCodeAndInAFileAreTheSame) {
  const std::vector<ConfigSetting> settings{{"backend", "reference"},
                                            {"enable_fallback", "true"},
                                            {"num_streams", "2"},
                                            {"memory_bytes_max", "1G"}};
  const Config code = read({.settings = settings});
  std::string text;
  for (const ConfigSetting& setting : settings) text += setting.key + ": " + setting.value + "\n";
  const Config written = read({.file = file(text)});
  const auto a = code.effective("m");
  const auto b = written.effective("m");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].value, b[i].value) << a[i].key;
  EXPECT_EQ(run(*code.load_options(kConfiguredModel)).backend, "reference");
  EXPECT_EQ(run(*written.load_options(kConfiguredModel)).backend, "reference");
}

// row 102 (partial: the one call of the document)
TEST_F(ConfiguredManagerTest, TheOldMinimalConfigurationRuns) {
  const std::string graph =
      std::string(ACCEL_TEST_DATA) + "/foreign/bert-feature-ir/openvino_model.xml";
  auto options = read({}).load_options("model_name", {{"device", "CPU"}, {"model_path", graph}});
  ASSERT_TRUE(options.ok());
  options->use = Use::kInfer;  // a graph alone, without a tokenizer
  const auto model = engine_->load(*options);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ((*model)->report().source, "openvino-ir");
}

TEST_F(ConfiguredManagerTest, AConvertedModelBelowTheCacheFolderIsFoundByName) {
  const auto converted = folder_.path() / "models" / "gpt2";
  std::filesystem::create_directories(converted);
  std::ofstream(converted / "gpt2.xml") << "<net/>";
  const std::string cache_dir = (folder_.path() / "models").string();
  const Config config = read({.settings = {{"cache_dir", cache_dir}}});
  EXPECT_EQ(config.load_options("gpt2")->path, (converted / "gpt2.xml").string());
  EXPECT_EQ(config.load_options("other")->path, "other");
  EXPECT_EQ(config.load_options("gpt2", {{"backend", "reference"}})->path, "gpt2");
  EXPECT_EQ(config.engine_options().cache_dir, cache_dir);
}

TEST_F(ConfiguredManagerTest, WhatIsWrongIsSaidWithItsPlace) {
  const auto unknown = Config::read({.file = file("devise: CPU\n"), .environment = false});
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.status().message(), HasSubstr("backend.yaml:1: unknown key 'devise'"));
  EXPECT_EQ(Config::read({.file = "nowhere.yaml", .environment = false}).status().code(),
            StatusCode::kNotFound);
  EXPECT_THAT(read({}).load_options("m", {{"devise", "CPU"}}).status().message(),
              HasSubstr("did you mean device?"));
}

}  // namespace
}  // namespace accel
