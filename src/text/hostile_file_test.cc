// tokenizer.json files that are broken or mean harm.
#include <gtest/gtest.h>

#include "base/json.h"
#include "text/test_tokenizers.h"

namespace accel::text {
namespace {

TEST(HostileFile, BrokenFilesAreRefusedWithAReason) {
  const std::string whole = file_of("bert-feature");
  for (const std::string& text : std::vector<std::string>{
           "", "{", "[]", "null", "{}", "\xff", R"({"model": 3})", R"({"version": "2.0"})",
           R"({"model": {"type": "BPE"}})", R"({"model": {"type": "Zebra", "vocab": {}}})",
           R"({"model": {"type": "Unigram", "vocab": [], "unk_id": 0}})",
           R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
           std::string(100'000, '['), whole.substr(0, whole.size() / 2),
           R"({"normalizer": )" + std::string(1000, '[') + "}"}) {
    const auto tokenizer = Tokenizer::from_json(text);
    EXPECT_EQ(tokenizer.status().code(), StatusCode::kInvalidArgument) << text.substr(0, 60);
    EXPECT_NE(tokenizer.status().message().find("tokenizer.json"), std::string::npos)
        << tokenizer.status().message();
  }
}

Json small_file() {
  return *parse_json(R"({"version": "1.0", "added_tokens": [], "normalizer": null,
      "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "b": 2}}})");
}

TEST(HostileFile, PanicsOfTheLibraryBecomeErrors) {
  Json file = small_file();
  // Chunks of no characters: the library's slice::chunks panics.
  file["pre_tokenizer"] = *parse_json(R"({"type": "FixedLength", "length": 0})");
  auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const auto encoding = (*tokenizer)->encode("a b");
  EXPECT_EQ(encoding.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(encoding.status().message().find("stopped"), std::string::npos)
      << encoding.status().to_string();
  EXPECT_TRUE((*tokenizer)->encode("").ok());  // and goes on working
}

TEST(HostileFile, StepsThatMultiplyTextsAreStopped) {
  Json doubling =
      *parse_json(R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})");
  Json file = small_file();
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
  for (int i = 0; i < 40; ++i) file["normalizer"]["normalizers"].push_back(doubling);
  auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_EQ((*tokenizer)->encode("aaaa").status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE((*tokenizer)->encode("b").ok());

  file = small_file();
  Json byte_level = *parse_json(
      R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
          "use_regex": false})");
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array()}};
  for (int i = 0; i < 40; ++i) file["pre_tokenizer"]["pretokenizers"].push_back(byte_level);
  tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_EQ((*tokenizer)->encode("é é").status().code(), StatusCode::kResourceExhausted);

  file = small_file();
  file["decoder"] = {{"type", "Sequence"}, {"decoders", Json::array()}};
  for (int i = 0; i < 40; ++i) file["decoder"]["decoders"].push_back(doubling);
  tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_EQ((*tokenizer)->decode(Ids{1, 1, 1}).status().code(), StatusCode::kResourceExhausted);
}

TEST(HostileFile, EndlessSearchesAreStopped) {
  Json file = small_file();
  file["pre_tokenizer"] = *parse_json(R"({"type": "Split", "pattern": {"Regex": "(a|aa)+$"},
      "behavior": "Isolated", "invert": false})");
  auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const auto encoding = (*tokenizer)->encode(std::string(60, 'a') + "b");
  EXPECT_EQ(encoding.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(encoding.status().message().find("retry-limit"), std::string::npos)
      << encoding.status().message();
}

TEST(HostileFile, FilesThatAskForTooMuchMemoryAreRefused) {
  Json file = small_file();
  // A character map whose first section would have four gigabytes.
  file["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////wAA"}};
  auto tokenizer = Tokenizer::from_json(file.dump());
  EXPECT_EQ(tokenizer.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(tokenizer.status().message().find("first section"), std::string::npos)
      << tokenizer.status().message();

  file = small_file();
  Json token = {{"id", "[X]"}, {"ids", Json::array()}, {"tokens", Json::array()}};
  Json single = Json::array();
  for (int i = 0; i < 1000; ++i) {
    token["ids"].push_back(0);
    token["tokens"].push_back("[UNK]");
    single.push_back(*parse_json(R"({"SpecialToken": {"id": "[X]", "type_id": 0}})"));
  }
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", single},
                            {"pair", single},
                            {"special_tokens", {{"[X]", token}}}};
  tokenizer = Tokenizer::from_json(file.dump());
  EXPECT_EQ(tokenizer.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(tokenizer.status().message().find("at most"), std::string::npos)
      << tokenizer.status().message();
}

}  // namespace
}  // namespace accel::text
