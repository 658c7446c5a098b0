#include "config/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace accel::config {
namespace {

Layer file_layer(std::string_view text) { return layer_of_file(text, "f").value(); }

Layer code_layer(const std::vector<ConfigSetting>& settings) {
  return {.all = values_of_settings(settings, "code", OptionScope::kAll).value(), .models = {}};
}

std::string source_in(const std::vector<Layer>& layers, std::string_view model,
                      std::string_view key) {
  const auto effective = merge(layers, model);
  const Value& value = effective_of(effective, key).value;
  return value.text + " by " + value.source;
}

LoadOptions loading(const std::vector<Layer>& layers, const std::string& model = "m") {
  return load_options_of(merge(layers, model), model);
}

TEST(Merge, CodeThenEnvironmentThenTheFilesModelThenTheFileThenTheDefault) {
  const Layer file = file_layer("device: GPU\nmodels: {m: {device: NPU}}\n");
  const Variable variable = [](const char* name) {
    return std::string_view(name) == "ACCEL_DEVICE" ? "GPU.1" : nullptr;
  };
  const Layer environment = layer_of_environment(variable).value();
  const Layer code = code_layer({{"device", "CPU"}});
  EXPECT_EQ(source_in({}, "m", "device"), "CPU by default");
  EXPECT_EQ(source_in({file}, "other", "device"), "GPU by f:1");
  EXPECT_EQ(source_in({file}, "m", "device"), "NPU by f:2 (model_overrides of m)");
  EXPECT_EQ(source_in({environment, file}, "m", "device"), "GPU.1 by ACCEL_DEVICE");
  EXPECT_EQ(source_in({code, environment, file}, "m", "device"), "CPU by code");
}

TEST(Merge, AModelIsFoundByItsLastNameToo) {
  const std::vector<Layer> layers{file_layer("models: {gpt2: reference, a/b: {device: GPU}}")};
  for (const char* model : {"gpt2", "openai-community/gpt2", "models/gpt2", "x/gpt2@main"}) {
    EXPECT_EQ(loading(layers, model).backend, "reference") << model;
  }
  EXPECT_EQ(loading(layers, "a/b").device, "GPU");
  EXPECT_EQ(loading(layers, "b").device, "CPU");
  EXPECT_EQ(loading(layers, "gpt2-large").backend, "openvino");
}

TEST(Merge, RulesReachTheLoad) {
  const Layer file = file_layer("device: MULTI:CPU/1,CPU/1\n"
                                "rules: [{tokens_below: 32, device: CPU/1#0}]\n"
                                "models: {free: {rules: []}}\n");
  const std::vector<ContentRule> expected{{.tokens = {.below = 32}, .device = "CPU/1#0"}};
  EXPECT_EQ(loading({file}).rules, expected);
  EXPECT_TRUE(loading({file}, "free").rules.empty());
}

// row 156 (partial: the merging)
TEST(Merge, APartialObjectKeepsEveryOtherDefault) {
  LoadOptions expected{.path = "m", .device = "GPU"};
  const LoadOptions found = loading({code_layer({{"openvino.device", "GPU"}})});
  EXPECT_EQ(found.device, expected.device);
  EXPECT_EQ(found.backend, expected.backend);
  EXPECT_EQ(found.precision, expected.precision);
  EXPECT_EQ(found.streams, expected.streams);
  EXPECT_EQ(found.threads, expected.threads);
  EXPECT_EQ(found.own_kernels, expected.own_kernels);
  EXPECT_EQ(found.use_optimum, expected.use_optimum);
  EXPECT_EQ(found.cache, expected.cache);
  EXPECT_EQ(found.fallback, expected.fallback);
  const ManagerOptions manager = manager_options_of(merge({}, ""));
  EXPECT_EQ(manager.memory_bytes_max, ManagerOptions().memory_bytes_max);
  EXPECT_EQ(manager.cooldown_seconds, ManagerOptions().cooldown_seconds);
  EXPECT_EQ(manager.loads_max, ManagerOptions().loads_max);
}

// row 154 (partial: the value; accel config show prints it)
TEST(LoadOptionsOf, ThePlainBackendHasADeviceOfItsOwn) {
  const Layer file = file_layer("backend: {default: pytorch, openvino: {device: GPU}, "
                                "pytorch: {device: cuda}}");
  EXPECT_EQ(loading({file}).device, "CUDA");
  EXPECT_EQ(loading({code_layer({{"device", "CPU"}}), file}).device, "CPU");
  EXPECT_EQ(loading({code_layer({{"backend", "openvino"}}), file}).device, "GPU");
}

TEST(LoadOptionsOf, ThePathIsTheModelsItsOwnOrThatOfAll) {
  const Layer file = file_layer("model_path: here\nmodels: {m: {model_path: there}}");
  EXPECT_EQ(loading({file}, "m").path, "there");
  EXPECT_EQ(loading({file}, "other").path, "other");
  EXPECT_EQ(loading({file}, "").path, "here");
  EXPECT_EQ(loading({}, "").path, "default");
}

// row 112
TEST(LoadOptionsOf, PrioritiesAreTheWeightsOfSeveralDevices) {
  const Layer file = file_layer("multi_device: true\ndevice_priorities: [CPU(1.0), GPU(1.5)]\n");
  EXPECT_EQ(loading({file}).device, "MULTI:CPU(1),GPU(1.5)");
  EXPECT_EQ(loading({file_layer("device_priorities: [GPU]")}).device, "CPU");
  EXPECT_EQ(loading({file_layer("multi_device: true\ndevice: NPU")}).device, "MULTI");
}

TEST(LoadOptionsOf, IrIsTheExportedGraph) {
  EXPECT_EQ(loading({file_layer("model_format: IR")}).model_format, "openvino-ir");
  EXPECT_EQ(loading({file_layer("model_format: IR")}).use_optimum, UseOptimum::kTrue);
  EXPECT_EQ(loading({file_layer("{model_format: IR, use_optimum: false}")}).use_optimum,
            UseOptimum::kFalse);
  EXPECT_EQ(loading({file_layer("use_optimum: true")}).use_optimum, UseOptimum::kTrue);
}

TEST(LoadOptionsOf, AProfileHasItsOwnSection) {
  const LoadOptions found =
      loading({file_layer("profile:\n  backend: reference\n  device: CPU\n  precision: fp16\n"
                          "  memory_limit: 500M\n  optimization_level: memory\n")});
  EXPECT_EQ(found.backend, "reference");
  EXPECT_EQ(found.precision, Precision::kF16);
  EXPECT_EQ(found.memory_bytes_max, uint64_t{500} << 20);
  EXPECT_EQ(found.streams, 1);
}

TEST(LoadOptionsOf, WhoeverIsCloserToTheCallSaysHowManyStreams) {
  const Layer level = file_layer("optimization_level: memory");
  const Layer four = file_layer("streams: 4");
  EXPECT_EQ(loading({level, four}).streams, 1);
  EXPECT_EQ(loading({four, level}).streams, 4);
  EXPECT_EQ(loading({file_layer("{optimization_level: memory, streams: 3}")}).streams, 3);
  EXPECT_EQ(loading({file_layer("optimization_level: performance")}).streams, 0);
  const auto effective = merge(std::vector<Layer>{level}, "");
  EXPECT_EQ(note_of(effective, effective_of(effective, "streams")),
            "1, by optimization_level: memory");
}

TEST(LoadOptionsOf, ShapesAreRunAtLoadWhereTheyArePrecompiled) {
  const std::string shapes = "input_shapes: {input_ids: [1, 8], pixel_values: [2, 3, 4, 4]}\n";
  const std::vector<NamedShape> expected{{"input_ids", {1, 8}}, {"pixel_values", {2, 3, 4, 4}}};
  EXPECT_EQ(loading({file_layer("precompile_shapes: true\n" + shapes)}).warm_up_shapes, expected);
  EXPECT_TRUE(loading({file_layer(shapes)}).warm_up_shapes.empty());
  const std::vector<Layer> lonely{file_layer("precompile_shapes: true")};
  const auto effective = merge(lonely, "");
  EXPECT_EQ(note_of(effective, effective_of(effective, "precompile_shapes")),
            "no effect without input_shapes");
  EXPECT_EQ(loading({code_layer({{"input_shapes", "input_ids=[1,8] pixel_values=[2,3,4,4]"},
                                 {"precompile_shapes", "yes"}})})
                .warm_up_shapes,
            expected);
  EXPECT_EQ(loading({file_layer("warm_up: some words")}).warm_up_texts,
            std::vector<std::string>{"some words"});
}

// row 113 (partial: nothing is passed to a GPU yet)
TEST(Notes, WhatOnlyAGpuHasIsNotApplicableOnACpu) {
  const std::vector<Layer> layers{file_layer("gpu_fp16_enable: true\n"
                                             "gpu_optimize: legacy\n")};
  const auto effective = merge(layers, "");
  int seen = 0;
  for (const Effective& one : effective) {
    if (one.option->group != OptionGroup::kGpu) continue;
    ++seen;
    EXPECT_EQ(one.value.source, "f:" + std::to_string(seen));
    EXPECT_EQ(note_of(effective, one), "not applicable: the device is CPU");
  }
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(note_of(effective, effective_of(effective, "device")), "");
}

}  // namespace
}  // namespace accel::config
