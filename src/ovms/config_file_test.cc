#include "ovms/config_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::ovms {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One model with these members beside its name and path.
std::string with(std::string_view members) {
  return fmt::format(
      R"({{"model_config_list": [{{"config": {{"name": "m", "base_path": "/m"{}{}}}}}]}})",
      members.empty() ? "" : ", ", members);
}

ModelList read(std::string_view text) {
  auto list = parse_config(text, "c.json");
  EXPECT_TRUE(list.ok()) << list.status().to_string();
  return list.ok() ? std::move(*list) : ModelList{};
}

Status refusal(std::string_view text) { return parse_config(text, "c.json").status(); }

std::vector<std::string> settings_of(std::string_view members) {
  const ModelList list = read(with(members));
  std::vector<std::string> texts;
  for (const ConfigSetting& one : list.models.at(0).settings) {
    texts.push_back(one.key + "=" + one.value);
  }
  return texts;
}

TEST(OvmsConfig, IsAListOfModels) {
  const ModelList list = read(R"({
    "model_config_list": [
      {"config": {"name": "a", "base_path": "/models/a", "target_device": "AUTO:GPU,CPU",
                  "plugin_config": {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": "4",
                                    "PERFORMANCE_HINT": "LATENCY"},
                  "model_version_policy": {"specific": {"versions": [3, 1, 3]}}}},
      {"config": {"name": "org/b", "base_path": "b", "allow_cache": false, "stateful": false}}],
    "mediapipe_config_list": [],
    "monitoring": {"metrics": {"enable": true}}})");
  ASSERT_EQ(list.models.size(), 2);
  EXPECT_THAT(list.notices, IsEmpty());
  const ModelEntry& a = list.models[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.base_path, "/models/a");
  EXPECT_EQ(a.policy.kind, VersionPolicy::Kind::kSpecific);
  EXPECT_THAT(a.policy.versions, ElementsAre(1, 3));
  ASSERT_EQ(a.settings.size(), 4);
  EXPECT_EQ(a.settings[1].source, "c.json: model 'a': plugin_config.NUM_STREAMS");
  EXPECT_EQ(list.models[1].name, "org/b");
  EXPECT_EQ(list.models[1].policy, VersionPolicy());
  EXPECT_EQ(list.models[1].settings[0].key, "cache");
}

TEST(OvmsConfig, TranslatesPropertiesOfTheEngine) {
  EXPECT_THAT(settings_of(R"("plugin_config": {"NUM_STREAMS": "AUTO"})"), ElementsAre("streams=0"));
  EXPECT_THAT(settings_of(R"("plugin_config": {"CPU_THROUGHPUT_STREAMS": "CPU_THROUGHPUT_AUTO"})"),
              ElementsAre("streams=0"));
  EXPECT_THAT(settings_of(R"("plugin_config": {"CPU_THREADS_NUM": 8})"), ElementsAre("threads=8"));
  EXPECT_THAT(settings_of(R"("plugin_config": {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT"})"),
              ElementsAre("performance_hint=THROUGHPUT"));
  EXPECT_THAT(settings_of(R"("plugin_config": {"INFERENCE_PRECISION_HINT": "bf16"})"),
              ElementsAre("precision=BF16"));
  EXPECT_THAT(settings_of(R"("plugin_config": {"EXECUTION_MODE_HINT": "ACCURACY"})"),
              ElementsAre("precision=f32"));
}

TEST(OvmsConfig, SaysWhatHasNoEffect) {
  const ModelList list = read(R"({
    "model_config_list": [
      {"config": {"name": "m", "base_path": "/m", "nireq": 4, "batch_size": "auto",
                  "shape": {"x": "auto"}, "layout": "NCHW", "idle_sequence_cleanup": true,
                  "plugin_config": {
  "ENABLE_MMAP" : true
}
}
}],
    "mediapipe_config_list": [{"name": "chat", "base_path": "chat"}],
    "pipeline_config_list": [{"name": "ocr"}],
    "custom_loader_config_list": [{"config": {"loader_name": "own", "library_path": "x"}}],
    "custom_node_library_config_list": [],
    "monitoring": {
  "metrics" : { "enable" : false, "metrics_list" : ["ovms_streams"] }
}
})");
  EXPECT_EQ(list.notices.size(), 11);
  const std::string all = testing::PrintToString(list.notices);
  for (const char* part :
       {"c.json: model 'm': nireq: has no effect", "model 'm': batch_size:", "model 'm': shape:",
        "model 'm': layout:", "model 'm': idle_sequence_cleanup:", "plugin_config.ENABLE_MMAP:",
        "mediapipe_config_list: left out: \\\"chat\\\"", "ocr", "own",
        "metrics.enable: has no effect", "metrics_list: has no effect"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
}

TEST(OvmsConfig, RefusesWhatWouldAnswerOtherwise) {
  for (const char* members :
       {R"("layout": "NHWC:NCHW")", R"("layout": {"x": "NHWC:NCHW"})", R"("stateful": true)",
        R"("low_latency_transformation": true)", R"("custom_loader_options": {"loader_name": "a"})",
        R"("mean": "[1,2,3]")", R"("scale": 2)", R"("color_format": "RGB:BGR")"}) {
    const Status status = refusal(with(members));
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << members;
    EXPECT_THAT(status.message(), HasSubstr("c.json: model 'm': ")) << members;
  }
  EXPECT_THAT(refusal(R"({"model_config_list": [
      {"config": {"name": "m", "base_path": "s3://bucket/m"}}]})")
                  .message(),
              HasSubstr("expected a folder of this machine"));
}

TEST(OvmsConfig, OfAnotherFormIsRefusedWithItsPlace) {
  const auto expect_refused = [](std::string_view text, std::string_view part) {
    const Status status = refusal(text);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), testing::StartsWith("c.json: ")) << text;
    EXPECT_THAT(status.message(), HasSubstr(part)) << text;
  };
  expect_refused("", "");
  expect_refused("{", "");
  expect_refused("[]", "model_config_list");
  expect_refused("{}", "model_config_list");
  expect_refused(R"({"model_config_list": {}})", "expected a list");
  expect_refused(R"({"model_config_list": [{"name": "m"}]})", "model_config_list[0]: expected");
  expect_refused(R"({"model_config_list": [{"config": {"base_path": "/m"}}]})",
                 "model_config_list[0].config.name: expected one, found none");
  expect_refused(R"({"model_config_list": [{"config": {"name": "m"}}]})",
                 "model 'm': base_path: expected one");
  expect_refused(R"({"model_config_list": [{"config": {"name": 1, "base_path": "/m"}}]})",
                 "expected a text, found 1");
  expect_refused(R"({"model_config_list": [{"config": {"name": "a:1", "base_path": "/m"}}]})",
                 "without ':'");
  expect_refused(R"({"model_config_list": [], "model_config_lst": []})",
                 "did you mean model_config_list?");
  expect_refused(R"({"model_config_list": [], "monitoring": {"metrics": {"enable": 1}}})",
                 "true or false");
  expect_refused(with(R"("target_devices": "CPU")"), "did you mean target_device?");
  expect_refused(with(R"("target_device": 1)"), "target_device: expected a device's name");
  expect_refused(with(R"("plugin_config": "x")"), "plugin_config: expected an object");
  expect_refused(with(R"("plugin_config": {"NUM_STREAMS": []})"), "NUM_STREAMS: expected a text");
  expect_refused(with(R"("stateful": 1)"), "expected true or false");
  for (const char* policy :
       {R"("latest")", "{}", R"({"latest": {"num_versions": 0}})",
        R"({"specific": {"versions": []}})", R"({"all": 1})", R"({"specific": {"versions": [0]}})",
        R"({"all": {}, "latest": {}})"}) {
    expect_refused(with(fmt::format(R"("model_version_policy": {})", policy)), "\"num_versions\"");
  }
  const std::string twice = R"({"config": {"name": "m", "base_path": "/m"}})";
  expect_refused(fmt::format(R"({{"model_config_list": [{}, {}]}})", twice, twice),
                 "two models are called 'm'");
  EXPECT_EQ(refusal(std::string(kConfigBytesMax + 1, ' ')).code(), StatusCode::kResourceExhausted);
}

TEST(OvmsVersions, AreChosenByPolicy) {
  const std::vector<int> present{1, 2, 5};
  const auto chosen = [&](std::string_view text) {
    const auto policy = parse_policy(*parse_json(text));
    EXPECT_TRUE(policy.ok()) << policy.status().to_string();
    return chosen_versions(*policy, present);
  };
  EXPECT_THAT(chosen_versions({}, present), ElementsAre(5));
  EXPECT_THAT(chosen(R"({"latest": {}})"), ElementsAre(5));
  EXPECT_THAT(chosen(R"({"latest": {"num_versions": 2}})"), ElementsAre(2, 5));
  EXPECT_THAT(chosen(R"({"latest": {"num_versions": 9}})"), ElementsAre(1, 2, 5));
  EXPECT_THAT(chosen(R"({"all": {}})"), ElementsAre(1, 2, 5));
  EXPECT_THAT(chosen(R"({"specific": {"versions": [5, 3, 1]}})"), ElementsAre(1, 5));
  EXPECT_THAT(chosen(R"({"specific": {"versions": [4]}})"), IsEmpty());
}

}  // namespace
}  // namespace accel::ovms
