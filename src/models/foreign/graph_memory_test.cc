#include "models/foreign/graph_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "store/scratch_folder.h"

namespace accel::models::foreign {
namespace {

using testing::ElementsAre;
using testing::Pair;

GraphFacts some_facts() {
  return {.inputs = {{"input_ids", DType::kI64, {-1, 8}}},
          .unused_inputs = {"nothing"},
          .outputs = {{"a \"name\"", DType::kF16, {}}, {"scores", DType::kF32, {-1, 3}}},
          .numbers = {{"f32", 12}, {"i8", 1}},
          .index_limits = {{"input_ids", 1000}}};
}

class GraphMemoryFolder : public testing::Test {
 protected:
  GraphMemory memory(std::string build = "1") const {
    return GraphMemory(
        {.folder = folder_ / "graphs", .hashes = hashes_.get(), .build = std::move(build)});
  }

  const store::ScratchFolder folder_;
  const std::unique_ptr<store::ContentHashes> hashes_ =
      store::ContentHashes::create({.folder = folder_ / "hashes"});
};

TEST(GraphFacts, ComeBackFromJsonAsTheyWere) {
  const auto again = graph_facts_of(Json::parse(to_json(some_facts()).dump()));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(to_json(*again), to_json(some_facts()));
  EXPECT_EQ(again->inputs[0].shape, (Shape{-1, 8}));
  EXPECT_EQ(again->outputs[0].dtype, DType::kF16);
  EXPECT_THAT(again->index_limits, ElementsAre(Pair("input_ids", 1000)));
}

TEST(GraphFacts, OfOtherJsonAreNone) {
  for (const char* pointer : {"/inputs", "/unused_inputs", "/outputs/0/dtype", "/outputs/1/shape",
                              "/numbers/f32", "/index_limits/0"}) {
    Json json = to_json(some_facts());
    json[Json::json_pointer(pointer)] = "something else";
    EXPECT_FALSE(graph_facts_of(json).has_value()) << pointer;
  }
  EXPECT_FALSE(graph_facts_of(Json()).has_value());
}

TEST_F(GraphMemoryFolder, KnowsAgainWhatItWasToldOfTheSameBytes) {
  store::write_text(folder_ / "a", "one");
  store::write_text(folder_ / "b", "two");
  store::write_text(folder_ / "c", "one");
  const GraphMemory first = memory();
  const auto content = first.content_of({folder_ / "a", folder_ / "b"});
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, *first.content_of({folder_ / "c", folder_ / "b"}));
  EXPECT_NE(*content, *first.content_of({folder_ / "b", folder_ / "a"}));
  EXPECT_EQ(first.content_of({folder_ / "missing"}).status().code(), StatusCode::kNotFound);

  EXPECT_FALSE(first.recall(*content).facts.has_value());
  first.remember(*content, some_facts());
  const auto known = memory().recall(*content);
  ASSERT_TRUE(known.facts.has_value());
  EXPECT_EQ(known.lock, nullptr);
  EXPECT_EQ(to_json(*known.facts), to_json(some_facts()));
  EXPECT_FALSE(memory("2").recall(*content).facts.has_value());  // another build of accel
}

TEST_F(GraphMemoryFolder, OfManyThatLookOneFindsOut) {
  const GraphMemory shared = memory();
  std::atomic<int> found_out = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto known = shared.recall("content");
      if (known.facts) return;
      found_out += 1;
      shared.remember("content", some_facts());
    });
  }
  threads.clear();
  EXPECT_EQ(found_out, 1);
}

TEST_F(GraphMemoryFolder, AFolderThatCannotBeUsedIsNoFailure) {
  store::write_text(folder_ / "graphs", "a file, where a folder should be");
  const GraphMemory useless = memory();
  EXPECT_FALSE(useless.recall("content").facts.has_value());
  useless.remember("content", some_facts());
  EXPECT_FALSE(useless.recall("content").facts.has_value());
}

}  // namespace
}  // namespace accel::models::foreign
