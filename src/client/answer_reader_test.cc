#include "client/answer_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "pipelines/task.h"

namespace accel::client {
namespace {

using testing::HasSubstr;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Written {
  std::string_view task;
  TaskResult result;
};

std::vector<Written> all_kinds() {
  const std::vector<float> numbers{1.5F, -0.0F, static_cast<float>(kNone), 3e-9F};
  const Tensor states = Tensor::from<float>({1, 2, 2}, numbers);
  return {
      {"text-classification", {.answer = Labels{{"GOOD \"ü\"", 0.1}, {"BAD", kNone}}}},
      {"text-classification", {.answer = Labels{}}},
      {"zero-shot-classification", {.answer = CandidateLabels{"a text", {{"b", 1e-17}, {"c", 0}}}}},
      {"token-classification",
       {.answer = Entities{{.entity = "PER", .grouped = true, .score = 0.3, .word = "A", .end = 1},
                           {.entity = "B-LOC", .index = 3, .word = "##x", .start = 5, .end = 7}}}},
      {"question-answering", {.answer = Answers{{0.25, 3, 9, "an answer"}}}},
      {"question-answering", {.answer = Answers{{0.25, 3, 9, "an answer"}, {0.1, 0, 0, ""}}}},
      {"question-answering", {.answer = Answers{}}},
      {"fill-mask", {.answer = MaskFills{{{0.5, 7, "x", "a x"}, {0.2, 8, "y", "a y"}}}}},
      {"fill-mask", {.answer = MaskFills{{{0.5, 7, "x", "a x"}}, {{0.2, 8, "y", "a y"}}}}},
      {"text-ranking", {.answer = Ranking{{1, 3.5, "second"}, {0, -1, "first"}}}},
      {"object-detection",
       {.answer = DetectedObjects{{.score = 0.9, .label = "cat", .xmin = -3, .ymax = 70}}}},
      {"image-segmentation", {.answer = Segmentation{.segments = {{"sky", 0, 12}, {"sea", 0, 3}}}}},
      {"automatic-speech-recognition", {.answer = Transcript{.text = "hello", .chunks = {}}}},
      {"automatic-speech-recognition",
       {.answer = Transcript{.text = "hi", .chunks = {{{"h", 0.02, 0.1}, {"i", 0.1, 0.12}}}}}},
      {"sparse-embedding", {.answer = SparseEmbedding{{17, "sea", 1.25}}}},
      {"feature-extraction", {.answer = Features{states}}},
      {"multi-vector-embedding", {.answer = Features{states.reshaped({4, 1})}}},
      {"sentence-embedding", {.answer = Features{states.reshaped({4})}}},
      {"multi-vector-embedding", {.answer = Features{Tensor::allocate(DType::kF32, {0})}}},
  };
}

TEST(AnswerReader, ReadsWhatIsWritten) {
  for (const Written& one : all_kinds()) {
    const std::string text = to_json(one.result);
    const Result<TaskResult> read = read_answer(one.task, text);
    ASSERT_TRUE(read.ok()) << one.task << ": " << read.status().message();
    EXPECT_EQ(to_json(*read), text) << one.task;
    EXPECT_EQ(read->answer.index(), one.result.answer.index()) << one.task;
  }
}

TEST(AnswerReader, KnowsEveryTask) {
  for (const pipelines::Task& task : pipelines::tasks()) {
    EXPECT_NE(read_answer(task.name, "[]").status().code(), StatusCode::kInternal) << task.name;
  }
  EXPECT_EQ(read_answer("poetry", "[]").status().code(), StatusCode::kInternal);
}

TEST(AnswerReader, AnotherShapeIsRefused) {
  const std::pair<const char*, const char*> kTexts[] = {
      {"text-classification", "{}"},
      {"text-classification", R"([{"label": 3, "score": 1}])"},
      {"text-classification", R"([{"label": "a"}])"},
      {"text-classification", "[[]]"},
      {"zero-shot-classification", R"({"sequence": "", "labels": ["a"], "scores": []})"},
      {"automatic-speech-recognition",
       R"({"text": "a", "chunks": [{"text": "a", "timestamp": [1]}]})"},
      {"fill-mask", R"([[{"score": 1}], 3])"},
      {"feature-extraction", "[[1, 2], [3]]"},
      {"feature-extraction", "[[1, 2], 3]"},
      {"feature-extraction", "7"},
      {"text-ranking", R"([{"index": 1.5, "score": 1, "text": ""}])"},
      {"object-detection", R"([{"score": 1, "label": "a", "box": 3}])"},
      {"question-answering", "not json"},
  };
  for (const auto& [task, text] : kTexts) {
    const Status status = read_answer(task, text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << task << ": " << text;
  }
  EXPECT_THAT(read_answer("text-ranking", "{}").status().message(),
              HasSubstr("expected an answer of text-ranking, found \"{}\""));
}

}  // namespace
}  // namespace accel::client
