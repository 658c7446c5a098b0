// Length limits: the kept tokens are those of the whole text, at the cost of its start only.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "text/test_tokenizers.h"

namespace accel::text {
namespace {

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

TEST(TokenizerLimit, LimitsKeepTheTokensOfTheWholeText) {
  for (const std::string& name : kKinds) {
    const auto tokenizer = load(name);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      expect_cut_like_the_whole(*tokenizer, long_text(6'000 + 7'001 * seed, seed), name);
    }
    expect_cut_like_the_whole(*tokenizer, long_text(80'000, 99), name);
  }
}

TEST(TokenizerLimit, LimitsKeepTheTokensOfTextsWithoutSpaces) {
  std::string chinese;
  std::mt19937 random(5);
  static const std::vector<std::string> kSigns = {"你", "好", "世", "界", "東", "京", "は", "。"};
  while (chinese.size() < 80'000) chinese += kSigns[random() % kSigns.size()];
  std::string letters;
  while (letters.size() < 70'000) letters += static_cast<char>('a' + random() % 26);
  for (const std::string name : {"bert-feature", "gpt2", "t5", "llama"}) {
    const auto tokenizer = load(name);
    expect_cut_like_the_whole(*tokenizer, chinese, name + " signs");
    expect_cut_like_the_whole(*tokenizer, letters, name + " letters");
    expect_cut_like_the_whole(*tokenizer, std::string(70'000, 'a'), name + " one letter");
    expect_cut_like_the_whole(*tokenizer, std::string(70'000, ' '), name + " spaces");
  }
}

TEST(TokenizerLimit, PairsCutLikeTheWhole) {
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

TEST(TokenizerLimit, DetailsOfACutTextAreThoseOfTheWhole) {
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

TEST(TokenizerLimit, TenMegabytesWithALimitCostNoMoreThanTheirStart) {
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

TEST(TokenizerLimit, TenMegabytesOfNoLanguage) {
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

}  // namespace
}  // namespace accel::text
