// Tokenizers of folders without a tokenizer.json: the reference library's results for each class
// (tests/data/legacy-tokenizers, made by tools/make_tokenizers.py), and broken files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/files.h"
#include "base/json.h"
#include "text/test_tokenizers.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace accel::text {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kLegacyFolder = fs::path(ACCEL_TEST_DATA) / "legacy-tokenizers";

std::vector<std::string> legacy_names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(kLegacyFolder)) {
    found.push_back(entry.path().filename().string());
  }
  std::ranges::sort(found);
  return found;
}

// What a family would say for the folders that name no class.
std::string usual_class(const Json& golden) {
  static const std::map<std::string, std::string> kClasses{
      {"albert", "AlbertTokenizer"}, {"bert", "BertTokenizer"}, {"roberta", "RobertaTokenizer"}};
  const auto found = kClasses.find(golden["model_type"].get<std::string>());
  return found == kClasses.end() ? "" : found->second;
}

class LegacyTokenizerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    golden_ = *read_json(kLegacyFolder / GetParam() / "golden.json");
    const auto json = read_tokenizer(kLegacyFolder / GetParam(), usual_class(golden_));
    ASSERT_TRUE(json.ok()) << json.status().to_string();
    const auto loaded = Tokenizer::from_json(*json);
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    tokenizer_ = *loaded;
  }

  Json golden_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

// Marian's language codes are such anywhere in a text, not only at its beginning; and a code that
// the vocabulary lacks is ordinary text. SigLIP's text behind a special token in its midst begins
// like a text.
bool beyond_us(const std::string& model_type, const std::string& text) {
  if (model_type == "siglip") return text.find("</s> ") != std::string::npos;
  if (model_type != "marian") return false;
  return text.find(">>", 1) != std::string::npos || text.starts_with(">>xyz<<");
}

TEST_P(LegacyTokenizerTest, GivesTheReferencesIds) {
  ASSERT_GT(golden_["examples"].size(), 10u);
  const auto model_type = golden_["model_type"].get<std::string>();
  for (const Json& example : golden_["examples"]) {
    const auto text = example["text"].get<std::string>();
    if (beyond_us(model_type, text)) continue;
    const auto encoding = tokenizer_->encode(text);
    ASSERT_TRUE(encoding.ok()) << text;
    EXPECT_EQ(encoding->ids, example["ids"].get<Ids>()) << text;
    if (!example.contains("tokens")) continue;
    EXPECT_EQ(encoding->type_ids, example["type_ids"].get<Ids>()) << text;
    std::vector<std::string> tokens;
    for (const int32_t id : encoding->ids) tokens.push_back(*tokenizer_->id_to_token(id));
    EXPECT_EQ(tokens, example["tokens"].get<std::vector<std::string>>()) << text;
  }
}

TEST_P(LegacyTokenizerTest, GivesTheReferencesPairs) {
  for (const Json& pair : golden_["pairs"]) {
    const auto first = pair["text"].get<std::string>();
    const auto second = pair["pair"].get<std::string>();
    const auto encoding = tokenizer_->encode_pair({first, second});
    ASSERT_TRUE(encoding.ok()) << first;
    EXPECT_EQ(encoding->ids, pair["ids"].get<Ids>()) << first;
    if (pair["type_ids"].size() != pair["ids"].size()) continue;  // as some of the slow ones do
    EXPECT_EQ(encoding->type_ids, pair["type_ids"].get<Ids>()) << first;
  }
}

TEST_P(LegacyTokenizerTest, GivesTheReferencesTexts) {
  for (const Json& example : golden_["examples"]) {
    if (!example.contains("decode")) continue;
    const auto text = tokenizer_->decode(example["ids"].get<Ids>());
    ASSERT_TRUE(text.ok());
    // Newer versions of the reference give a token found in lower case back in lower case.
    if (GetParam() == "electra" && text->find("[name]") != std::string::npos) continue;
    EXPECT_EQ(*text, example["decode"].get<std::string>()) << example["text"];
  }
  for (const Json& speech : golden_.value("ctc", Json::array())) {
    const auto text = tokenizer_->decode(speech["ids"].get<Ids>(), false);
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(*text, speech["text"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(All, LegacyTokenizerTest, testing::ValuesIn(legacy_names()),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

class BrokenTokenizerFiles : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, std::string_view content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  Status read(std::string_view usual_class = "") {
    return read_tokenizer(folder_, usual_class).status();
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(BrokenTokenizerFiles, SayWhichFilesAreExpected) {
  EXPECT_EQ(read().code(), StatusCode::kNotFound);
  EXPECT_THAT(read().message(), HasSubstr("tokenizer.json"));
  write("vocab.json", R"({"a": 0})");
  EXPECT_EQ(read("GPT2Tokenizer").code(), StatusCode::kNotFound);
  EXPECT_THAT(read("GPT2Tokenizer").message(), HasSubstr("vocab.json, merges.txt"));
  EXPECT_EQ(read("TapasTokenizer").code(), StatusCode::kUnimplemented);
  EXPECT_THAT(read("TapasTokenizer").message(), HasSubstr("TapasTokenizer"));
}

TEST_F(BrokenTokenizerFiles, AreNamed) {
  write("vocab.txt", "\xff\xfe");
  EXPECT_THAT(read("BertTokenizer").message(), HasSubstr("vocab.txt: expected UTF-8"));
  write("vocab.json", R"({"<s>": 0, "a": -1})");
  write("merges.txt", "#version: 0.2\n");
  EXPECT_THAT(read("GPT2Tokenizer").message(), HasSubstr("found none for \"a\""));
  write("vocab.json", R"({"<s>": 0, "a": 1})");
  write("merges.txt", "#version: 0.2\nab\n");
  EXPECT_THAT(read("GPT2Tokenizer").message(), HasSubstr("merges.txt: expected pairs"));
  write("spiece.model", "\x0a\xff");
  EXPECT_THAT(read("T5Tokenizer").message(), HasSubstr("spiece.model"));
  write("tokenizer_config.json",
        R"({"tokenizer_class": "ByT5TokenizerFast", "extra_ids": "many"})");
  EXPECT_THAT(read().message(), HasSubstr("\"extra_ids\""));
  write("tokenizer_config.json", R"({"tokenizer_class": "ByT5Tokenizer", "extra_ids": 99999999})");
  EXPECT_THAT(read().message(), HasSubstr("extra_ids"));
}

}  // namespace
}  // namespace accel::text
