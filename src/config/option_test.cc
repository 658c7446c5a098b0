#include "config/option.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "config/commented_file.h"
#include "config/layer.h"
#include "config/places.h"

namespace accel::config {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

std::string value_of(std::string_view key, std::string_view text) {
  const auto value = canonical(*find_option(key), text);
  return value.ok() ? *value : "ERROR " + value.status().message();
}

TEST(Options, HaveNamesThatMeanOneThing) {
  std::set<std::string> names;
  for (const OptionName& name : option_names()) EXPECT_TRUE(names.insert(name.name).second);
  std::set<std::string_view> variables;
  for (const Option& option : options()) {
    EXPECT_EQ(find_option(option.key), &option);
    EXPECT_EQ(find_by_name(usual_name(option)), &option);
    EXPECT_FALSE(option.help.empty());
    if (!option.variable.empty()) {
      EXPECT_TRUE(variables.insert(option.variable).second);
    }
    if (!option.default_text.empty()) {
      EXPECT_EQ(value_of(option.key, option.default_text), option.default_text);
    }
  }
  EXPECT_EQ(find_by_name("backend.openvino.num_streams"), find_option("streams"));
}

TEST(Options, AreKeptInOneForm) {
  EXPECT_EQ(value_of("backend", "OpenVINO"), "openvino");
  EXPECT_EQ(value_of("device", "gpu.1"), "GPU.1");
  EXPECT_EQ(value_of("device", "auto:gpu.x,cpu"), "AUTO:GPU.x,CPU");
  EXPECT_EQ(value_of("enable_fallback", "Yes"), "true");
  EXPECT_EQ(value_of("cache", "off"), "false");
  EXPECT_EQ(value_of("precision", "FP16"), "f16");
  EXPECT_EQ(value_of("memory_bytes_max", "4GiB"), "4294967296");
  EXPECT_EQ(value_of("idle_seconds_max", "1.5"), "1.5");
  EXPECT_EQ(value_of("performance_hint", "throughput"), "THROUGHPUT");
}

TEST(Options, RefuseOtherValuesWithWhatIsExpected) {
  EXPECT_THAT(value_of("gpu_optimize", "ancient"), HasSubstr("one of modern, legacy"));
  EXPECT_THAT(value_of("backend", "openvion"), EndsWith("did you mean openvino?"));
  EXPECT_THAT(value_of("streams", "1025"), HasSubstr("from 0 to 1024, found '1025'"));
  EXPECT_THAT(value_of("loads_max", "0"), HasSubstr("from 1 to"));
  EXPECT_THAT(value_of("memory_bytes_max", "much"), HasSubstr("K, M, G or T"));
  for (const char* wrong : {"-1", "nan", "inf", "1s", ""}) {
    EXPECT_THAT(value_of("idle_seconds_max", wrong), HasSubstr("ERROR")) << wrong;
  }
  for (const char* wrong : {"", "a\nb", "\x1b"}) {
    EXPECT_THAT(value_of("model_path", wrong), HasSubstr("ERROR")) << wrong;
  }
  EXPECT_THAT(value_of("device", "GPU 1"), HasSubstr("ERROR"));
  EXPECT_THAT(value_of("model_path", std::string(5000, 'a')), HasSubstr("at most 4096 bytes"));
}

TEST(Options, PrioritiesAreDevicesWithWeights) {
  EXPECT_EQ(value_of("device_priorities", "GPU(1.5),cpu(1.0),NPU"), "GPU(1.5),CPU(1),NPU(1)");
  for (const char* wrong : {"GPU(", "GPU()", "GPU(x)", "GPU(-1)", "GPU(0)", "(1)", "GPU(1", "a,,b",
                            "GPU(1)2", "GPU(nan)", "GPU 1"}) {
    EXPECT_THAT(value_of("device_priorities", wrong), HasSubstr("as in 'GPU(1.5)'")) << wrong;
  }
}

TEST(Places, AreLookedAtInOneOrder) {
  std::map<std::string, std::string> variables{{"HOME", "/home/me"}};
  const Variable variable = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  EXPECT_THAT(places(variable), ElementsAre("config/backend.yaml", "accel.yaml",
                                            "/home/me/.config/accel/config.yaml"));
  variables["XDG_CONFIG_HOME"] = "/x";
  EXPECT_EQ(places(variable)[2], "/x/accel/config.yaml");
  variables["ACCEL_CONFIG_DIR"] = "/own";
  EXPECT_EQ(places(variable)[2], "/own/config.yaml");
  variables["ACCEL_CONFIG"] = "that.yaml";
  EXPECT_EQ(find_file(variable), "that.yaml");
  variables["ACCEL_CONFIG"] = "none";
  EXPECT_EQ(find_file(variable), "");
}

TEST(CommentedFile, IsReadAsItStandsAndWithAllOfItTaken) {
  const std::string text = commented_file();
  const auto nothing = layer_of_file(text, "f");
  ASSERT_TRUE(nothing.ok()) << nothing.status().to_string();
  EXPECT_TRUE(nothing->all.empty());
  std::string taken;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin) + 1;
    std::string line = text.substr(begin, end - begin);
    EXPECT_LE(line.size(), 101);
    // "# a word" is said, "#name:" and "#  name:" are options.
    const bool said = line.size() > 2 && line[1] == ' ' && line[2] != ' ';
    if (line.starts_with('#') && !said) line.erase(0, 1);
    taken += line;
    begin = end;
  }
  const auto layer = layer_of_file(taken, "f");
  ASSERT_TRUE(layer.ok()) << layer.status().to_string() << taken;
  for (const Option& option : options()) {
    EXPECT_EQ(layer->all.contains(option.key), option.scope != OptionScope::kModel) << option.key;
  }
  EXPECT_EQ(layer->models.size(), 2);
}

}  // namespace
}  // namespace accel::config
