#include "cli/task_input.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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
  const auto items = *items_of(kQuestions, {"who?", "where?"}, {.second_text = "In Rome."});
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[1].input->text, "where?");
  EXPECT_EQ(items[1].input->second_text, "In Rome.");
}

TEST(TaskInput, OfATaskWithAListTheFirstArgumentIsTheText) {
  const auto items = *items_of(kRanking, {"query", "a", "b"}, {});
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].input->text, "query");
  EXPECT_EQ(items[0].input->choices, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(items_of(kRanking, {"one", "two"}, {.choices = {"a"}})->size(), 2U);
}

const TaskReport kImages{.name = "zero-shot-image-classification",
                         .inputs = {{"image", "media", false}, {"candidate_labels", "choices"}}};

TEST(TaskInput, AFileIsReadWhenItsTurnComes) {
  const std::string path = testing::TempDir() + "accel-task-input.jpg";
  auto items = *items_of(kImages, {path, "a cat", "a dog"}, {});
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].input->choices, (std::vector<std::string>{"a cat", "a dog"}));
  EXPECT_EQ(items[0].carried.dump(), nlohmann::json({{"image", path}}).dump());
  items.push_back(items[0]);
  items[1].file += ".missing";
  std::ofstream(path) << "pixels";
  const auto source = source_of(items);
  EXPECT_EQ((*source->next())->input->media, "pixels");
  EXPECT_EQ((*source->next())->input.status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(source->next()->has_value());
  std::filesystem::remove(path);
}

TEST(TaskInput, AFolderOrPatternStandsForItsFiles) {
  const std::filesystem::path folder = testing::TempDir() + "accel-task-files";
  std::filesystem::create_directories(folder / "below");
  for (const char* name : {"b.JPG", "a.png", "notes.txt", "below/c.webp"}) {
    std::ofstream(folder / name) << name;
  }
  const auto names = [&](const std::string& argument) {
    std::vector<std::string> found;
    const auto items = items_of(kImages, {argument}, {.choices = {"x"}});
    for (const auto& item : *items) {
      found.push_back(std::filesystem::relative(item.file, folder));
    }
    return found;
  };
  EXPECT_EQ(names(folder), (std::vector<std::string>{"a.png", "b.JPG", "below/c.webp"}));
  EXPECT_EQ(names(folder / "*.png"), (std::vector<std::string>{"a.png"}));
  EXPECT_EQ(names(folder / "none.png"), (std::vector<std::string>{"none.png"}));
  EXPECT_EQ(items_of(kImages, {(folder / "*.bmp").string()}, {.choices = {"x"}}).status().code(),
            StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
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
