#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <random>
#include <thread>

#include "base/files.h"
#include "base/json.h"

namespace accel::text {
namespace {

namespace fs = std::filesystem;

using Ids = std::vector<int32_t>;

std::string file_of(const std::string& name) {
  const fs::path path = fs::path(ACCEL_TEST_DATA) / "tokenizers" / name / "tokenizer.json";
  return *read_file(path, 64 << 20);
}

std::shared_ptr<const Tokenizer> load(const std::string& name) {
  auto tokenizer = Tokenizer::from_json(file_of(name));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  return *tokenizer;
}

// Mixed text of about `size` bytes: words, sentences, lines, several scripts.
std::string long_text(size_t size, uint32_t seed) {
  static const std::vector<std::string> kWords = {
      "the",     "license",    "of",     "grants.", "permission,", "Café",
      "naïve\n", "東京は日本", "\tif",   "(x_1)",   "can't",       "1,234",
      "<mask>",  "[SEP]",      "Привет", "emoji😀", "…",           "supercalifragilistic",
      "I",       "\r\n\r\n",   "مرحبا",  "a\u0301", "हिन्दी"};
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    text += kWords[random() % kWords.size()];
    if (random() % 16 != 0) text += random() % 8 == 0 ? "  " : " ";
  }
  return text;
}

const std::vector<std::string> kKinds = {"bert-feature", "gpt2",  "t5",
                                         "llama",        "clip",  "xlm-roberta-feature",
                                         "gemma2",       "qwen2", "deberta-v2-seqcls"};

void expect_cut_like_the_whole(const Tokenizer& tokenizer, const std::string& text,
                               const std::string& name) {
  auto whole = tokenizer.encode(text, {.add_special_tokens = false});
  ASSERT_TRUE(whole.ok()) << whole.status().to_string();
  const size_t total = whole->ids.size();
  for (const size_t limit : {size_t{1}, size_t{7}, size_t{256}, total}) {
    for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
      auto cut =
          tokenizer.encode(text, {.add_special_tokens = false, .max_length = limit, .side = side});
      ASSERT_TRUE(cut.ok()) << cut.status().to_string();
      const size_t kept = std::min(limit, total);
      const auto begin =
          side == TruncationSide::kRight ? whole->ids.begin() : whole->ids.end() - kept;
      EXPECT_EQ(cut->ids, Ids(begin, begin + kept)) << name << " " << limit;
      EXPECT_EQ(cut->truncated, limit < total) << name << " " << limit;
    }
  }
}

TEST(Tokenizer, LimitsKeepTheTokensOfTheWholeText) {
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      expect_cut_like_the_whole(*tokenizer, long_text(6'000 + 7'001 * seed, seed), name);
    }
    expect_cut_like_the_whole(*tokenizer, long_text(80'000, 99), name);
  }
}

TEST(Tokenizer, LimitsKeepTheTokensOfTextsWithoutSpaces) {
  std::string chinese;
  std::mt19937 random(5);
  static const std::vector<std::string> kSigns = {"你", "好", "世", "界", "東", "京", "は", "。"};
  while (chinese.size() < 80'000) chinese += kSigns[random() % kSigns.size()];
  std::string letters;
  while (letters.size() < 70'000) letters += static_cast<char>('a' + random() % 26);
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    expect_cut_like_the_whole(*tokenizer, chinese, name + " signs");
    expect_cut_like_the_whole(*tokenizer, letters, name + " letters");
    expect_cut_like_the_whole(*tokenizer, std::string(70'000, 'a'), name + " one letter");
    expect_cut_like_the_whole(*tokenizer, std::string(70'000, ' '), name + " spaces");
  }
}

TEST(Tokenizer, PairsCutLikeTheWhole) {
  const auto tokenizer = load("bert-feature");
  const std::string first = long_text(9'000, 1);
  const std::string second = long_text(30'000, 2);
  const auto ids_of = [&](const std::string& text) {
    return tokenizer->encode(text, {.add_special_tokens = false})->ids;
  };
  const Ids a = ids_of(first);
  const Ids b = ids_of(second);
  for (const size_t limit : {64u, 65u, 512u, 4095u}) {
    const EncodeOptions options{.add_special_tokens = false, .max_length = limit};
    const size_t lesser = limit / 2;
    auto forth = tokenizer->encode_pair({first, second}, options);
    Ids expected(a.begin(), a.begin() + lesser);
    expected.insert(expected.end(), b.begin(), b.begin() + (limit - lesser));
    EXPECT_EQ(forth->ids, expected) << limit;  // the odd token goes to the longer text
    auto back = tokenizer->encode_pair({second, first}, options);
    expected.assign(b.begin(), b.begin() + (limit - lesser));
    expected.insert(expected.end(), a.begin(), a.begin() + lesser);
    EXPECT_EQ(back->ids, expected) << limit;
  }
}

TEST(Tokenizer, DetailsOfACutTextAreThoseOfTheWhole) {
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    const std::string text = long_text(50'000, 7);
    for (const OffsetUnit unit : {OffsetUnit::kCodePoints, OffsetUnit::kBytes}) {
      EncodeOptions options{
          .add_special_tokens = false, .offsets = true, .offset_unit = unit, .tokens = true};
      const Encoding whole = *tokenizer->encode(text, options);
      options.max_length = 300;
      for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
        options.side = side;
        const Encoding cut = *tokenizer->encode(text, options);
        const size_t skip = side == TruncationSide::kRight ? 0 : whole.ids.size() - 300;
        ASSERT_EQ(cut.ids.size(), 300u);
        for (size_t i = 0; i < 300; ++i) {
          ASSERT_EQ(cut.ids[i], whole.ids[skip + i]) << name << i;
          ASSERT_EQ(cut.offsets[i], whole.offsets[skip + i]) << name << i;
          ASSERT_EQ(cut.words[i], whole.words[skip + i]) << name << i;
          ASSERT_EQ(cut.tokens[i], whole.tokens[skip + i]) << name << i;
        }
      }
    }
  }
}

TEST(Tokenizer, TenMegabytesWithALimitCostNoMoreThanTheirStart) {
  const std::string text = long_text(10 << 20, 3);
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    const Encoding head = *tokenizer->encode(text.substr(0, 20'000), {.max_length = 256});
    auto cut = tokenizer->encode(text, {.max_length = 256});
    ASSERT_TRUE(cut.ok()) << cut.status().to_string();
    EXPECT_EQ(cut->ids, head.ids) << name;
    EXPECT_TRUE(cut->truncated);
    auto tail = tokenizer->encode(text, {.max_length = 256, .side = TruncationSide::kLeft});
    ASSERT_TRUE(tail.ok()) << tail.status().to_string();
    EXPECT_EQ(tail->ids.size(), 256u) << name;
    EXPECT_TRUE(tail->truncated);
  }
}

TEST(Tokenizer, TenMegabytesOfNoLanguage) {
  std::string marks = "a";
  while (marks.size() < 10 << 20) marks += "\u0301";
  const auto tokenizer = load("bert-feature");
  const int32_t unknown = *tokenizer->token_to_id("[UNK]");
  const Ids one_unknown = {2, unknown, 3};
  for (const std::string& text : {std::string(10 << 20, 'a'), std::string(10 << 20, ' '), marks}) {
    auto cut = tokenizer->encode(text, {.max_length = 256});
    ASSERT_TRUE(cut.ok()) << cut.status().to_string();
    EXPECT_TRUE(cut->truncated);
    // A word of any length is unknown, spaces are nothing, marks are stripped from their letter.
    EXPECT_EQ(cut->ids, text[1] == 'a'   ? one_unknown
                        : text[1] == ' ' ? (Ids{2, 3})
                                         : tokenizer->encode("a")->ids);
  }
}

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

TEST(Tokenizer, BrokenFilesAreRefusedWithAReason) {
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

TEST(Tokenizer, PanicsOfTheLibraryBecomeErrors) {
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

TEST(Tokenizer, StepsThatMultiplyTextsAreStopped) {
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

TEST(Tokenizer, EndlessSearchesAreStopped) {
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

TEST(Tokenizer, FilesThatAskForTooMuchMemoryAreRefused) {
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
          const size_t k = (i + 11 * t) % texts.size();
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
