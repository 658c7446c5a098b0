#include "config/layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace accel::config {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// The migration guide's, as it is printed there.
constexpr std::string_view kDocumented = R"(backend:
  # Default backend for all models
  default: openvino
  
  # OpenVINO-specific settings
  openvino:
    device: CPU  # CPU, GPU, or AUTO
    enable_fallback: true
    cache_dir: models/openvino
  
  # PyTorch-specific settings
  pytorch:
    device: cpu

# Per-model backend overrides
model_overrides:
  gpt2: openvino
  t5-small: pytorch
)";

std::string refusal(std::string_view text) {
  const auto layer = layer_of_file(text, "f.yaml");
  return layer.ok() ? "OK" : layer.status().message();
}

// row 153 (partial: reading it)
TEST(FileLayer, ReadsTheDocumentedFile) {
  const auto layer = layer_of_file(kDocumented, "config/backend.yaml");
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->all.at("backend").text, "openvino");
  EXPECT_EQ(layer->all.at("backend").source, "config/backend.yaml:3");
  EXPECT_EQ(layer->all.at("device").text, "CPU");
  EXPECT_EQ(layer->all.at("enable_fallback").text, "true");
  EXPECT_EQ(layer->all.at("cache_dir").source, "config/backend.yaml:9");
  EXPECT_EQ(layer->all.at("pytorch.device").text, "CPU");
  EXPECT_EQ(layer->models.at("gpt2").at("backend").text, "openvino");
  EXPECT_EQ(layer->models.at("t5-small").at("backend").source,
            "config/backend.yaml:18 (model_overrides of t5-small)");
}

TEST(FileLayer, TakesOptionsAtTheTopInSectionsAndOfOneModel) {
  const auto layer = layer_of_file(R"yaml(
backend: reference
num_threads: 2
manager: {memory_bytes_max: 4G, models_max: 3}
device_priorities: ["GPU(1.5)", "CPU(1.0)"]
input_shapes: {pixel_values: [1, 3, 224, 224], input_ids: [1, 8]}
models:
  org/name: {device: GPU, openvino: {precision: FP16}, pinned: yes, memory_bytes_max: 1G}
)yaml",
                                   "f");
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->all.at("backend").text, "reference");
  EXPECT_EQ(layer->all.at("threads").text, "2");
  EXPECT_EQ(layer->all.at("models_max").text, "3");
  EXPECT_EQ(layer->all.at("device_priorities").text, "GPU(1.5),CPU(1)");
  EXPECT_EQ(layer->all.at("input_shapes").text, "pixel_values=[1,3,224,224] input_ids=[1,8]");
  const Values& model = layer->models.at("org/name");
  EXPECT_EQ(model.at("device").text, "GPU");
  EXPECT_EQ(model.at("precision").text, "f16");
  EXPECT_EQ(model.at("pinned").text, "true");
}

TEST(FileLayer, TakesRulesAsAListOrAsText) {
  const auto layer = layer_of_file(R"yaml(
rules:
  - {tokens_below: 32, device: CPU/1#0}
  - tokens_from: 32
    device: GPU
models:
  clip: {rules: "modality=vision device=GPU; device=CPU"}
  plain: {rules: []}
)yaml",
                                   "f");
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->all.at("rules").text,
            "tokens_below=32 device=CPU/1#0; tokens_from=32 device=GPU");
  EXPECT_EQ(layer->models.at("clip").at("rules").text, "modality=vision device=GPU; device=CPU");
  EXPECT_EQ(layer->models.at("plain").at("rules").text, "");
}

TEST(FileLayer, NothingIsNoError) {
  for (const char* text :
       {"", "# nothing\n", "backend:\n", "backend:\n  openvino:\n", "model_overrides:\n", "{}"}) {
    EXPECT_EQ(refusal(text), "OK") << text;
  }
}

TEST(FileLayer, AnUnknownKeyIsNamedWithItsLineAndTheNearest) {
  EXPECT_EQ(refusal("backend:\n  openvino:\n    devcie: CPU\n"),
            "f.yaml:3: unknown key 'devcie' in backend.openvino; did you mean device?");
  EXPECT_EQ(refusal("model_override:\n  gpt2: openvino\n"),
            "f.yaml:1: unknown key 'model_override'; did you mean model_overrides?");
  EXPECT_THAT(refusal("model_overrides:\n  gpt2:\n    prescision: f32\n"),
              EndsWith("f.yaml:3: unknown key 'prescision'; did you mean precision?"));
  EXPECT_THAT(refusal("zzz: 1\n"), HasSubstr("expected one of"));
}

TEST(FileLayer, WhatStandsInTheWrongPlaceIsSentToTheRightOne) {
  EXPECT_THAT(refusal("pinned: true\n"), HasSubstr("below its name in model_overrides"));
  EXPECT_THAT(refusal("models: {a: {cache_dir: x}}"), HasSubstr("put it outside model_overrides"));
  EXPECT_THAT(refusal("device: CPU\nbackend:\n  openvino:\n    device: GPU\n"),
              EndsWith("f.yaml:4: device is the same option as that of f.yaml:1; give it once"));
}

TEST(FileLayer, WrongValuesSayWhatWasExpected) {
  EXPECT_EQ(refusal("\ngpu_optimize: ancient\n"),
            "f.yaml:2: gpu_optimize: expected one of modern, legacy, found 'ancient'");
  EXPECT_THAT(refusal("device:\n"), HasSubstr("leave the line out"));
  EXPECT_THAT(refusal("device: [CPU]\n"), HasSubstr("found a list"));
  EXPECT_THAT(refusal("device: {a: b}\n"), HasSubstr("found a mapping"));
  EXPECT_THAT(refusal("manager: 3\n"), HasSubstr("expected a mapping of options"));
  EXPECT_THAT(refusal("- a\n"), HasSubstr("expected a mapping of options"));
  EXPECT_THAT(refusal("model_overrides: [gpt2]\n"), HasSubstr("expected a mapping from models"));
  EXPECT_THAT(refusal("model_overrides: {gpt2: cuda}\n"), HasSubstr("one of openvino, reference"));
  EXPECT_THAT(refusal("input_shapes: {x: [0]}\n"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal("input_shapes: {x: 3}\n"), HasSubstr("a list of sizes"));
  EXPECT_THAT(refusal("a: 1\nrules: [CPU]\n"), HasSubstr("unknown key 'a'"));
  EXPECT_THAT(refusal("\nrules: [CPU]\n"), HasSubstr(":2: expected a rule, as {tokens_below"));
  EXPECT_THAT(refusal("rules: [{tokens: 3, device: CPU}]\n"), HasSubstr("found 'tokens'"));
  EXPECT_THAT(refusal("rules: [{tokens_below: [3], device: CPU}]\n"),
              HasSubstr("tokens_below: expected a number or a name"));
  EXPECT_THAT(refusal("rules: [{tokens_below: 3}]\n"), HasSubstr("a rule without a device"));
  EXPECT_THAT(refusal("device_priorities: [GPU(1]\n"), HasSubstr("as in 'GPU(1.5)'"));
}

TEST(EnvironmentLayer, NamesTheVariable) {
  std::map<std::string, std::string> variables{{"ACCEL_DEVICE", "auto"}, {"ACCEL_THREADS", ""}};
  const Variable variable = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  const auto layer = layer_of_environment(variable);
  ASSERT_TRUE(layer.ok());
  EXPECT_EQ(layer->all.size(), 1);
  EXPECT_EQ(layer->all.at("device").text, "AUTO");
  EXPECT_EQ(layer->all.at("device").source, "ACCEL_DEVICE");
  variables["ACCEL_STREAMS"] = "many";
  EXPECT_THAT(layer_of_environment(variable).status().message(),
              testing::StartsWith("ACCEL_STREAMS: expected a whole number"));
}

TEST(SettingsLayer, TakesAnyNameAndTheLastCounts) {
  const std::vector<ConfigSetting> settings{{"device", "CPU"}, {"openvino.device", "GPU"}};
  const auto values = values_of_settings(settings, "code", OptionScope::kAll);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->at("device").text, "GPU");
  EXPECT_EQ(values->at("device").source, "code");
  EXPECT_THAT(values_of_settings(std::vector<ConfigSetting>{{"devise", "CPU", "--set"}}, "code",
                                 OptionScope::kAll)
                  .status()
                  .message(),
              testing::StartsWith("--set: unknown option 'devise'; did you mean device?"));
  EXPECT_FALSE(
      values_of_settings(std::vector<ConfigSetting>{{"pinned", "true"}}, "code", OptionScope::kAll)
          .ok());
}

}  // namespace
}  // namespace accel::config
