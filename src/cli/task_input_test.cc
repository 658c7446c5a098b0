#include "cli/task_input.h"

#include <gtest/gtest.h>

namespace accel::cli {
namespace {

const TaskReport kQuestions{
    .name = "question-answering",
    .inputs = {{"question", "text", false}, {"context", "second_text", false}}};
const TaskReport kRanking{.name = "text-ranking",
                          .inputs = {{"query", "text", false}, {"documents", "choices", false}}};
const TaskReport kPairs{.name = "text-classification",
                        .inputs = {{"text", "text", false}, {"text_pair", "second_text", true}}};

TEST(TaskInput, EachArgumentIsAnItem) {
  const auto items = items_of(kQuestions, {"who?", "where?"}, {.second_text = "In Rome."});
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[1].text, "where?");
  EXPECT_EQ(items[1].second_text, "In Rome.");
}

TEST(TaskInput, OfATaskWithAListTheFirstArgumentIsTheText) {
  const auto items = items_of(kRanking, {"query", "a", "b"}, {});
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].text, "query");
  EXPECT_EQ(items[0].choices, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(items_of(kRanking, {"one", "two"}, {.choices = {"a"}}).size(), 2U);
}

TEST(TaskInput, AJsonLineHasTheHubsNames) {
  const TaskItem item =
      item_of_json(kQuestions, R"({"id": 7, "question": "who?", "context": "me"})", {});
  ASSERT_TRUE(item.input.ok());
  EXPECT_EQ(item.input->text, "who?");
  EXPECT_EQ(item.input->second_text, "me");
  EXPECT_EQ(item.carried.dump(), R"({"id":7})");
}

TEST(TaskInput, AListIsAnArrayOrHasCommas) {
  const auto array = item_of_json(kRanking, R"({"query": "q", "documents": ["a, b", "c"]})", {});
  ASSERT_TRUE(array.input.ok());
  EXPECT_EQ(array.input->choices, (std::vector<std::string>{"a, b", "c"}));
  const auto commas = item_of_json(kRanking, R"({"query": "q", "documents": "a, b,"})", {});
  ASSERT_TRUE(commas.input.ok());
  EXPECT_EQ(commas.input->choices, (std::vector<std::string>{"a", "b"}));
}

TEST(TaskInput, WhatALineLeavesOutIsTheDefault) {
  const TaskDefaults defaults{.second_text = "In Rome.", .choices = {}};
  const TaskItem item = item_of_json(kPairs, R"({"text": "x"})", defaults);
  ASSERT_TRUE(item.input.ok());
  EXPECT_EQ(item.input->second_text, "In Rome.");
}

TEST(TaskInput, ABadLineIsAnItemWithItsError) {
  const std::pair<const char*, const char*> kLines[] = {
      {"{\"question\": ", "expected valid JSON"},
      {"[1]", "expected a JSON object, found array"},
      {R"({"context": "me"})", "expected an object with question, context, found no \"question\""},
      {R"({"question": 3, "context": "me"})", "\"question\": expected a string, found number"},
      {R"({"question": "q", "context": "c", "index": 1})", "\"index\": the answer has a member"}};
  for (const auto& [line, message] : kLines) {
    const TaskItem item = item_of_json(kQuestions, line, {});
    ASSERT_FALSE(item.input.ok()) << line;
    EXPECT_EQ(item.input.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(item.input.status().message().find(message), std::string::npos)
        << item.input.status().message();
  }
}

}  // namespace
}  // namespace accel::cli
