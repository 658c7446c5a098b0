#include "runtime/token_batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace accel::runtime {
namespace {

// Everything the header promises.
void check(const std::vector<int32_t>& lengths, int64_t max_tokens, const TokenBatches& cut) {
  std::vector<int> seen(lengths.size(), 0);
  uint64_t padded = 0;
  int64_t last_length = std::numeric_limits<int64_t>::max();
  for (const TokenBatch& batch : cut.batches) {
    ASSERT_FALSE(batch.items.empty());
    ASSERT_GE(batch.length, 1);
    const auto count = static_cast<int64_t>(batch.items.size());
    ASSERT_TRUE(count == 1 || count * batch.length <= max_tokens)
        << count << " texts of " << batch.length << " tokens, at most " << max_tokens;
    ASSERT_LE(batch.length, last_length) << "longest batches come first";
    last_length = batch.length;
    int32_t longest = 1;
    for (size_t i = 0; i < batch.items.size(); ++i) {
      const uint32_t item = batch.items[i];
      ASSERT_LT(item, lengths.size());
      ++seen[item];
      longest = std::max(longest, lengths[item]);
      padded += static_cast<uint64_t>(batch.length - lengths[item]);
      if (i > 0) {
        const uint32_t before = batch.items[i - 1];
        ASSERT_TRUE(lengths[before] > lengths[item] ||
                    (lengths[before] == lengths[item] && before < item));
      }
    }
    ASSERT_EQ(batch.length, longest);
  }
  EXPECT_TRUE(std::ranges::all_of(seen, [](int times) { return times == 1; }));
  EXPECT_EQ(cut.padded_tokens, padded);
}

TEST(TokenBatches, KeepTheirPromisesOnRandomLengths) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 500; ++round) {
    std::vector<int32_t> lengths(random() % 300);
    const int32_t longest = 1 + static_cast<int32_t>(random() % 600);
    for (int32_t& length : lengths) length = static_cast<int32_t>(random() % longest);
    const auto max_tokens = static_cast<int64_t>(random() % 3000);
    const int workers = 1 + static_cast<int>(random() % 4);
    check(lengths, max_tokens, cut_token_batches(lengths, {max_tokens, workers}));
    if (HasFatalFailure()) return;
  }
}

TEST(TokenBatches, NoTextsNoBatches) {
  EXPECT_TRUE(cut_token_batches({}, {100}).batches.empty());
  EXPECT_EQ(cut_token_batches({}, {100}).padded_tokens, 0u);
}

TEST(TokenBatches, LikeLengthsGoTogether) {
  const std::vector<int32_t> lengths{2, 9, 2, 9, 2};
  const TokenBatches cut = cut_token_batches(lengths, {18});
  ASSERT_EQ(cut.batches.size(), 2u);
  EXPECT_EQ(cut.batches[0].items, (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(cut.batches[1].items, (std::vector<uint32_t>{0, 2, 4}));
  EXPECT_EQ(cut.padded_tokens, 0u);
}

TEST(TokenBatches, FewTextsAreSharedAmongTheWorkers) {
  const std::vector<int32_t> lengths(40, 10);
  EXPECT_EQ(cut_token_batches(lengths, {1024, 1}).batches.size(), 1u);
  EXPECT_GE(cut_token_batches(lengths, {1024, 2}).batches.size(), 2u);
}

TEST(TokenBatches, AMuchShorterTextStartsTheNextBatch) {
  const std::vector<int32_t> lengths{100, 100, 10, 10};
  const TokenBatches cut = cut_token_batches(lengths, {1024, 1});
  EXPECT_EQ(cut.batches.size(), 2u);
  EXPECT_EQ(cut.padded_tokens, 0u);
}

TEST(TokenBatches, PaddingIsNotDearerThanAnotherBatch) {
  // In order and full, the batches would be of 4, 4 and 2 texts, with 10 tokens of padding.
  const std::vector<int32_t> lengths{70, 70, 70, 60, 60, 60, 60, 60, 60, 60};
  const TokenBatches cut = cut_token_batches(lengths, {280, 1});
  EXPECT_EQ(cut.padded_tokens, 0u);
  EXPECT_EQ(cut.batches.size(), 3u);
  // One token each is cheaper than a batch.
  EXPECT_EQ(cut_token_batches(std::vector<int32_t>{71, 70, 70}, {280, 1}).batches.size(), 1u);
}

TEST(TokenBatches, TheLastBatchesOfSeveralWorkersAreSmaller) {
  const std::vector<int32_t> lengths(400, 16);
  const auto sizes = [&](int workers) {
    std::vector<int64_t> tokens;
    for (const TokenBatch& batch : cut_token_batches(lengths, {512, workers}).batches) {
      tokens.push_back(std::ssize(batch.items) * batch.length);
    }
    return tokens;
  };
  EXPECT_GE(sizes(2).front(), 480);
  EXPECT_LE(sizes(2).back(), 128);
  EXPECT_EQ(sizes(1).front(), 512);
  EXPECT_GE(sizes(1).back(), 256);
}

TEST(TokenBatches, ABatchHoldsABoundedNumberOfTexts) {
  const std::vector<int32_t> lengths(3000, 1);
  EXPECT_EQ(cut_token_batches(lengths, {1'000'000, 1}).batches.size(), 3u);
}

TEST(TokenBatches, ATextLongerThanTheBoundIsABatchOfItsOwn) {
  const std::vector<int32_t> lengths{1000, 3, 1000};
  const TokenBatches cut = cut_token_batches(lengths, {10});
  EXPECT_EQ(cut.batches.size(), 3u);
  EXPECT_EQ(cut.padded_tokens, 0u);
}

TEST(TokenBatches, TextsWithoutTokensAreComputedOnOnePaddingToken) {
  const std::vector<int32_t> lengths{0, 0};
  const TokenBatches cut = cut_token_batches(lengths, {10});
  ASSERT_EQ(cut.batches.size(), 1u);
  EXPECT_EQ(cut.batches[0].length, 1);
  EXPECT_EQ(cut.padded_tokens, 2u);
}

TEST(TokenBatches, TheLargestLengthsDoNotOverflow) {
  const std::vector<int32_t> lengths(1000, std::numeric_limits<int32_t>::max());
  const int64_t all = std::numeric_limits<int64_t>::max();
  check(lengths, all, cut_token_batches(lengths, {all}));
  check(lengths, 0, cut_token_batches(lengths, {0}));
  check(lengths, -5, cut_token_batches(lengths, {-5}));
}

}  // namespace
}  // namespace accel::runtime
