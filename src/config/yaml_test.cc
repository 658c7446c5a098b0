#include "config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace accel::config {
namespace {

using testing::HasSubstr;

TEST(Yaml, MakesATreeWithLines) {
  const auto root = parse_yaml("a: 1\n\n# a comment\nb:\n  c: [x, 'y']\n  d:\n", "f.yaml");
  ASSERT_TRUE(root.ok()) << root.status().to_string();
  ASSERT_EQ(root->children.size(), 2);
  const YamlNode& b = root->children[1];
  EXPECT_EQ(b.key, "b");
  EXPECT_EQ(b.line, 4);
  EXPECT_EQ(b.children[0].kind, YamlKind::kList);
  EXPECT_EQ(b.children[0].children[1].text, "y");
  EXPECT_EQ(b.children[1].kind, YamlKind::kNull);
  EXPECT_EQ(b.children[1].line, 6);
}

TEST(Yaml, NothingIsNothingAndQuotesKeepIt) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~", "null"}) {
    const auto root = parse_yaml(text, "f");
    ASSERT_TRUE(root.ok()) << text << root.status().to_string();
    EXPECT_EQ(root->kind, YamlKind::kNull) << text;
  }
  EXPECT_EQ(parse_yaml("'null'", "f")->kind, YamlKind::kScalar);
}

TEST(Yaml, TakesJson) {
  const auto root = parse_yaml(R"({"backend": {"default": "openvino"}, "n": [1, 2]})", "f.json");
  ASSERT_TRUE(root.ok()) << root.status().to_string();
  EXPECT_EQ(root->children[0].children[0].text, "openvino");
}

struct Hostile {
  std::string text;
  std::string says;
};

TEST(Yaml, RefusesWhatIsHostileAndSaysWhere) {
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "{a: ";
  const std::string very_deep(100000, '[');
  const std::string bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
  const std::vector<Hostile> all{{"a: 1\nb: 2\na: 3\n", "f:3: 'a' stands in line 1 already"},
                                 {bomb, "f:1: anchors"},
                                 {"a: *x\n", "f:1: "},
                                 {"a: !!python/object:os.system 1\n", "f:1: tags"},
                                 {"a: 1\n---\nb: 2\n", "expected one document"},
                                 {"\n\nx: " + deep, "f:3: expected at most 16 levels"},
                                 {very_deep, "f:1: "},
                                 {std::string(20000, '-') + "\n" + deep, "f:"},
                                 {std::string("a: 1\nb: \0", 9), "f:2: found the control"},
                                 {"a: \x1b[2J", "f:1: found the control"},
                                 {"a: \xff\xfe", "expected UTF-8"},
                                 {"[a, b]: 1\n", "f:1: expected a name as key"},
                                 {": 1\n", "f:1: expected a name as key"},
                                 {"a: [1, 2\n", "no YAML"},
                                 {"a: b: c\n", "f:1: no YAML"}};
  for (const Hostile& one : all) {
    const auto root = parse_yaml(one.text, "f");
    EXPECT_FALSE(root.ok()) << one.text.substr(0, 40);
    if (root.ok()) continue;
    EXPECT_EQ(root.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(root.status().message(), HasSubstr(one.says));
  }
}

TEST(Yaml, RefusesWhatIsTooLong) {
  EXPECT_EQ(parse_yaml(std::string(kYamlBytesMax + 1, ' '), "f").status().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace accel::config
