// Every recorded result of the reference library (tests/data/tokenizers/*/golden.json).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/test_tokenizers.h"
#include "text/tokenizer.h"

namespace accel::text {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(ACCEL_TEST_DATA) / "tokenizers";

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.is_directory()) found.push_back(entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class GoldenTokenizer : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto loaded = Tokenizer::from_json(file_of(GetParam()));
    ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
    tokenizer_ = *loaded;
    auto golden = read_json(kFolder / GetParam() / "golden.json");
    ASSERT_TRUE(golden.ok()) << golden.status().to_string();
    golden_ = *golden;
  }

  Encoding encode(const std::string& text, const EncodeOptions& options = {}) {
    auto encoding = tokenizer_->encode(text, options);
    EXPECT_TRUE(encoding.ok()) << encoding.status().to_string();
    return encoding.ok() ? *encoding : Encoding{};
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  Json golden_;
};

std::string text_of(const Json& entry) { return entry.at("text").get<std::string>(); }

TEST_P(GoldenTokenizer, Examples) {
  ASSERT_GT(golden_["examples"].size(), 30u);
  for (const Json& entry : golden_["examples"]) {
    const std::string text = text_of(entry);
    EXPECT_EQ(encode(text).ids, entry["ids"].get<Ids>()) << text;
    if (!entry.contains("tokens")) continue;
    const Encoding detailed = encode(text, {.offsets = true, .tokens = true});
    EXPECT_EQ(detailed.ids, entry["ids"].get<Ids>()) << text;
    EXPECT_EQ(detailed.type_ids, entry["type_ids"].get<Ids>()) << text;
    EXPECT_EQ(detailed.tokens, entry["tokens"].get<std::vector<std::string>>()) << text;
    std::vector<Offset> offsets;
    for (const Json& pair : entry["offsets"]) offsets.push_back({pair[0], pair[1]});
    EXPECT_EQ(detailed.offsets, offsets) << text;
  }
}

// The path without offsets and the one with them are separate code: all they share must agree.
TEST_P(GoldenTokenizer, FastPathAgreesWithTheDetailedOne) {
  for (const Json& entry : golden_["examples"]) {
    const std::string text = text_of(entry);
    const std::string second = text.substr(0, text.size() / 2 == 0 ? 0 : text.find(' '));
    for (const size_t max_length : {0u, 9u, 12u, 40u}) {
      for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
        EncodeOptions fast{.max_length = max_length, .side = side};
        EncodeOptions slow = fast;
        slow.tokens = slow.offsets = true;
        for (const bool pair : {false, true}) {
          auto a =
              pair ? tokenizer_->encode_pair({text, second}, fast) : tokenizer_->encode(text, fast);
          auto b =
              pair ? tokenizer_->encode_pair({text, second}, slow) : tokenizer_->encode(text, slow);
          ASSERT_TRUE(a.ok() && b.ok()) << a.status().to_string() << b.status().to_string();
          EXPECT_EQ(a->ids, b->ids) << text;
          EXPECT_EQ(a->type_ids, b->type_ids) << text;
          EXPECT_EQ(a->attention_mask, b->attention_mask) << text;
          EXPECT_EQ(a->special_tokens_mask, b->special_tokens_mask) << text;
          EXPECT_EQ(a->sequences, b->sequences) << text;
          EXPECT_EQ(a->truncated, b->truncated) << text;
          EXPECT_EQ(b->offsets.size(), b->ids.size());
          EXPECT_EQ(b->words.size(), b->ids.size());
        }
      }
    }
  }
}

TEST_P(GoldenTokenizer, WithoutSpecialTokens) {
  for (const Json& entry : golden_["no_special"]) {
    const Encoding encoding = encode(text_of(entry), {.add_special_tokens = false});
    EXPECT_EQ(encoding.ids, entry["ids"].get<Ids>()) << entry;
  }
}

TEST_P(GoldenTokenizer, Pairs) {
  for (const Json& entry : golden_["pairs"]) {
    const std::string first = text_of(entry);
    const std::string second = entry["pair"];
    auto encoding = tokenizer_->encode_pair({first, second});
    ASSERT_TRUE(encoding.ok()) << encoding.status().to_string();
    EXPECT_EQ(encoding->ids, entry["ids"].get<Ids>()) << entry;
    EXPECT_EQ(encoding->type_ids, entry["type_ids"].get<Ids>()) << entry;
  }
}

TEST_P(GoldenTokenizer, Truncation) {
  for (const Json& entry : golden_["truncation"]) {
    EncodeOptions options{.max_length = entry["max_length"].get<size_t>()};
    const std::string strategy = entry.value("strategy", "longest_first");
    if (strategy == "only_second") options.strategy = TruncationStrategy::kOnlySecond;
    const std::string first = text_of(entry);
    const std::string second = entry.value("pair", "");
    auto encoding = entry.contains("pair") ? tokenizer_->encode_pair({first, second}, options)
                                           : tokenizer_->encode(first, options);
    if (entry.contains("error")) {
      EXPECT_EQ(encoding.status().code(), StatusCode::kInvalidArgument) << entry;
      continue;
    }
    ASSERT_TRUE(encoding.ok()) << encoding.status().to_string();
    EXPECT_EQ(encoding->ids, entry["ids"].get<Ids>()) << entry;
    auto whole = entry.contains("pair") ? tokenizer_->encode_pair({first, second})
                                        : tokenizer_->encode(first);
    EXPECT_EQ(encoding->truncated, whole->ids.size() > encoding->ids.size()) << entry;
  }
}

TEST_P(GoldenTokenizer, Decoding) {
  for (const Json& entry : golden_["decode"]) {
    const Ids ids = entry["ids"];
    EXPECT_EQ(*tokenizer_->decode(ids, true), entry["skip_special"].get<std::string>());
    EXPECT_EQ(*tokenizer_->decode(ids, false), entry["keep_special"].get<std::string>());
  }
}

TEST_P(GoldenTokenizer, StreamedPiecesJoinToTheDecodedText) {
  // WordPiece's clean-up of spaces rewrites text that a stream has handed out.
  const bool cleans_up = GetParam().starts_with("bert") || GetParam().starts_with("mpnet");
  for (const Json& entry : golden_["decode"]) {
    const Ids ids = entry["ids"];
    const std::string expected = entry["skip_special"];
    auto stream = DecodeStream::create(tokenizer_);
    ASSERT_TRUE(stream.ok());
    std::string joined;
    for (const int32_t id : ids) joined += *stream->push(id);
    joined += *stream->finish();
    if (cleans_up && joined != expected) {
      std::erase(joined, ' ');
      std::string bare = expected;
      std::erase(bare, ' ');
      EXPECT_EQ(joined, bare);
    } else {
      EXPECT_EQ(joined, expected);
    }
  }
}

TEST_P(GoldenTokenizer, Vocabulary) {
  const int64_t largest = tokenizer_->largest_id();
  ASSERT_GT(largest, 0);
  EXPECT_FALSE(tokenizer_->id_to_token(static_cast<int32_t>(largest) + 1).has_value());
  size_t found = 0;
  for (int32_t id = 0; id <= largest; ++id) {
    const auto token = tokenizer_->id_to_token(id);
    if (!token) continue;
    ++found;
    EXPECT_EQ(tokenizer_->token_to_id(*token), id) << *token;
  }
  EXPECT_EQ(found, tokenizer_->vocabulary_size());
  for (const AddedToken& token : tokenizer_->added_tokens()) {
    EXPECT_EQ(tokenizer_->token_to_id(token.content), token.id) << token.content;
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer, testing::ValuesIn(names()), test_name);

TEST(GoldenTokenizers, AllFoldersAreThere) { EXPECT_GE(names().size(), 15u); }

}  // namespace
}  // namespace accel::text
