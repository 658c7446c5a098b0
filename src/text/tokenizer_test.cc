#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <thread>

#include "base/json.h"
#include "text/test_tokenizers.h"

namespace accel::text {
namespace {

TEST(Tokenizer, EmptyText) {
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    const size_t added = tokenizer->special_tokens_added(false);
    EXPECT_EQ(tokenizer->encode("")->ids.size(), added) << name;
    EXPECT_EQ(tokenizer->encode("", {.max_length = 256, .offsets = true})->ids.size(), added);
    EXPECT_TRUE(tokenizer->encode("", {.add_special_tokens = false})->ids.empty()) << name;
    EXPECT_FALSE(tokenizer->encode("", {.max_length = 256})->truncated);
  }
}

TEST(Tokenizer, PaddingAndTruncationOfTheFileAreIgnored) {
  Json file = *parse_json(file_of("bert-feature"));
  file["padding"] = *parse_json(R"({"strategy": {"Fixed": 128}, "direction": "Right",
      "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"})");
  file["truncation"] = *parse_json(
      R"({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0})");
  auto tokenizer = Tokenizer::from_json(file.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_EQ((*tokenizer)->encode("Hello world!")->ids,
            load("bert-feature")->encode("Hello world!")->ids);
}

TEST(Tokenizer, PaddingOfTheCaller) {
  const auto tokenizer = load("bert-feature");
  const std::vector<std::string_view> texts = {"Hello world!", "a", ""};
  EncodeOptions options{.offsets = true, .tokens = true};
  options.padding = Padding{.multiple_of = 5, .id = 7, .type_id = 2, .token = "[P]"};
  const auto right = *tokenizer->encode_batch(texts, options);
  ASSERT_EQ(right.size(), 3u);
  for (const Encoding& encoding : right) {
    EXPECT_EQ(encoding.ids.size(), 10u);  // 8 tokens rounded up
    EXPECT_EQ(encoding.tokens.size(), 10u);
    EXPECT_EQ(encoding.offsets.size(), 10u);
  }
  EXPECT_EQ(right[2].ids, (Ids{2, 3, 7, 7, 7, 7, 7, 7, 7, 7}));
  EXPECT_EQ(right[2].type_ids, (Ids{0, 0, 2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(right[2].attention_mask, (std::vector<uint8_t>{1, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(right[2].special_tokens_mask, (std::vector<uint8_t>(10, 1)));
  EXPECT_EQ(right[2].tokens[2], "[P]");
  options.padding->side = TruncationSide::kLeft;
  options.padding->length = 12;
  options.padding->multiple_of = 1;
  const auto left = *tokenizer->encode_batch(texts, options);
  EXPECT_EQ(left[2].ids, (Ids{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 3}));
  EXPECT_EQ(left[0].tokens[4], "[CLS]");
  EXPECT_EQ(left[0].attention_mask[3], 0);
}

TEST(Tokenizer, BatchesEqualSingleTexts) {
  const auto tokenizer = load("xlm-roberta-feature");
  const std::vector<std::string> texts = {"", "Hello world", "東京 は 日本", "a b c", "  "};
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto batch = *tokenizer->encode_batch(views);
  ASSERT_EQ(batch.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(batch[i].ids, tokenizer->encode(texts[i])->ids) << i;
  }
  EXPECT_TRUE(tokenizer->encode_batch({})->empty());
  std::vector<TextPair> pairs;
  for (const std::string& text : texts) pairs.push_back({text, "second"});
  const auto pair_batch = *tokenizer->encode_pair_batch(pairs);
  EXPECT_EQ(pair_batch[1].ids, tokenizer->encode_pair(pairs[1])->ids);
}

TEST(Tokenizer, InvalidUtf8IsRefusedWithItsPlace) {
  const auto tokenizer = load("gpt2");
  const auto bad = tokenizer->encode("ab\xff");
  EXPECT_EQ(bad.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(bad.status().message().find("byte at 2"), std::string::npos) << bad.status().message();
  const std::vector<std::string_view> texts = {"fine", "\xed\xa0\x80"};
  const auto batch = tokenizer->encode_batch(texts);
  EXPECT_EQ(batch.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(batch.status().message().find("text 1"), std::string::npos);
  EXPECT_FALSE(tokenizer->token_to_id("\xff").has_value());
}

TEST(Tokenizer, LimitBelowTheSpecialTokensIsRefused) {
  const auto tokenizer = load("bert-feature");
  EXPECT_EQ(tokenizer->encode("a", {.max_length = 1}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(tokenizer->encode("a", {.max_length = 2})->ids, (Ids{2, 3}));
  EXPECT_TRUE(tokenizer->encode("a", {.max_length = 2})->truncated);
  EXPECT_EQ(tokenizer->encode_pair({"a", "b"}, {.max_length = 2}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Tokenizer, FourThreadsShareOne) {
  for (const std::string name : {"bert-feature", "gpt2", "t5"}) {
    const auto tokenizer = load(name);
    std::vector<std::string> texts;
    for (uint32_t seed = 0; seed < 40; ++seed) texts.push_back(long_text(400, seed));
    std::vector<Ids> expected;
    for (const std::string& text : texts) expected.push_back(load(name)->encode(text)->ids);
    std::vector<std::jthread> threads;
    std::vector<int> wrong(4, 0);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < 3 * texts.size(); ++i) {
          const size_t k = (i + size_t{11} * static_cast<size_t>(t)) % texts.size();
          const auto encoding = tokenizer->encode(texts[k]);
          if (!encoding.ok() || encoding->ids != expected[k]) ++wrong[t];
          if (!tokenizer->decode(encoding->ids).ok()) ++wrong[t];
        }
      });
    }
    threads.clear();
    EXPECT_EQ(std::accumulate(wrong.begin(), wrong.end(), 0), 0) << name;
  }
}

TEST(DecodeStream, HoldsBackHalfCharactersAndKeepsTheTokenizerAlive) {
  auto tokenizer = load("gpt2");
  const Ids ids = tokenizer->encode("a 😀b")->ids;
  auto stream = DecodeStream::create(tokenizer);
  ASSERT_TRUE(stream.ok());
  tokenizer.reset();
  std::vector<std::string> pieces;
  for (const int32_t id : ids) {
    pieces.push_back(*stream->push(id));
    EXPECT_EQ(pieces.back().find("\ufffd"), std::string::npos);
  }
  EXPECT_EQ(std::accumulate(pieces.begin(), pieces.end(), std::string()), "a 😀b");
  EXPECT_EQ(*stream->finish(), "");
  // Half a character at the very end comes out as the replacement character, as decode() has it.
  std::string cut;
  for (size_t i = 0; i + 2 < ids.size(); ++i) cut += *stream->push(ids[i]);
  cut += *stream->finish();
  EXPECT_EQ(cut, *load("gpt2")->decode(Ids(ids.begin(), ids.end() - 2)));
}

TEST(DecodeStream, RandomIdsJoinToTheDecodedText) {
  std::mt19937 random(17);
  for (const std::string name : {"gpt2", "qwen2", "whisper", "t5", "xlm-roberta-feature"}) {
    const auto tokenizer = load(name);
    for (int round = 0; round < 30; ++round) {
      auto stream = DecodeStream::create(tokenizer);
      Ids ids;
      std::string joined;
      for (int i = 0; i < 60; ++i) {
        ids.push_back(static_cast<int32_t>(random() % (tokenizer->largest_id() + 3)));
        joined += *stream->push(ids.back());
      }
      joined += *stream->finish();
      EXPECT_EQ(joined, *tokenizer->decode(ids)) << name;
    }
  }
}

TEST(DecodeStream, NeverEndsInAnErrorOnAnyIds) {
  std::mt19937 random(23);
  for (const std::string name : {"llama", "gemma2", "bert-feature", "clip"}) {
    const auto tokenizer = load(name);
    auto stream = DecodeStream::create(tokenizer);
    for (int i = 0; i < 3000; ++i) {
      // Mostly byte tokens in Llama's vocabulary: broken characters in long rows.
      const int64_t range = random() % 4 == 0 ? tokenizer->largest_id() + 1 : 259;
      const auto piece = stream->push(static_cast<int32_t>(random() % range));
      ASSERT_TRUE(piece.ok()) << name << piece.status().to_string();
    }
    EXPECT_TRUE(stream->finish().ok());
    EXPECT_EQ(*stream->push(-5), "");
  }
}

TEST(Tokenizer, IdsOutsideTheVocabulary) {
  const auto tokenizer = load("gpt2");
  EXPECT_EQ(*tokenizer->decode(Ids{-1, 1'000'000'000}), "");
  EXPECT_FALSE(tokenizer->id_to_token(-1).has_value());
  EXPECT_FALSE(tokenizer->token_to_id("no such token at all").has_value());
  EXPECT_FALSE(library_versions().empty());
}

}  // namespace
}  // namespace accel::text
