// Embeddings of texts by the engine: their kinds, options, batches, streams and threads.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <thread>

#include "engine/engine_fixture.h"

namespace accel {
namespace {

namespace fs = std::filesystem;
using models::ScratchFolder;
using testing::AllOf;
using testing::HasSubstr;

class EmbedTest : public EngineTest {};

TEST_F(EmbedTest, TextsOfEveryKind) {
  const auto model = load();
  std::string long_text;
  while (long_text.size() < 10'000'000) long_text += "The licensee may copy and distribute. ";
  std::string long_word;
  long_word.resize(10'000'000, 'x');
  const std::vector<std::string> texts{"",  " \n\t ", std::string(3, '\0'), long_text, long_word,
                                       "x", "😀"};
  const auto result = model->embed(texts);
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  for (size_t i = 0; i < texts.size(); ++i) {
    double length = 0;
    for (const float x : row_of(result->embeddings, i)) length += double{x} * x;
    EXPECT_NEAR(length, 1.0, 1e-4) << i;
  }
  EXPECT_TRUE(result->truncated[3]);
  EXPECT_FALSE(result->truncated[0] || result->truncated[1] || result->truncated[5]);
  EXPECT_EQ(result->tokens[0], 2);
  EXPECT_EQ(result->tokens[3], 48);

  const auto none = model->embed({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->embeddings.shape(), (Shape{0, 32}));
}

TEST_F(EmbedTest, InvalidUtf8IsReplacedOrRefused) {
  const auto model = load();
  const std::vector<std::string> texts{"fine", "not \xFF fine \xC3"};
  const auto replaced = model->embed(texts);
  ASSERT_TRUE(replaced.ok());
  EXPECT_EQ(replaced->replaced_utf8, 2u);
  const auto repaired = model->embed({"not \xEF\xBF\xBD fine \xEF\xBF\xBD"});
  expect_near(row_of(replaced->embeddings, 1), row_of(repaired->embeddings, 0));
  const Status strict = model->embed(texts, {.strict_utf8 = true}).status();
  EXPECT_EQ(strict.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(strict.message(), AllOf(HasSubstr("text 1"), HasSubstr("byte 4")));
}

TEST_F(EmbedTest, OptionsThatDoNotFitTheModel) {
  const auto model = load();
  for (const int64_t dimensions : {-1, 33}) {
    EXPECT_THAT(model->embed(kTexts, {.dimensions = dimensions}).status().message(),
                HasSubstr("expected 1 to 32"));
    EXPECT_FALSE(model->embed_stream({.embed = {.dimensions = dimensions}}).ok());
  }
  EXPECT_EQ(model->embed(kTexts, {.prompt = "query"}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(model->embed_stream({.embed = {.prompt = "query"}}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(model->embed_stream({.window_texts = 0}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(model->embed_stream({.window_ms = -1}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EmbedTest, BatchesChangeNothing) {
  const auto model = load();
  const auto together = model->embed(kTexts, {.batch_tokens = 100000});
  EXPECT_GT(together->padded_tokens, 0u);
  const auto alone = model->embed(kTexts, {.batch_tokens = 1});
  EXPECT_EQ(alone->padded_tokens, 0u);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    expect_near(row_of(together->embeddings, i), row_of(alone->embeddings, i));
  }
}

TEST_F(EmbedTest, TokensPastTheModelsVocabularyAreOutOfRange) {
  const ScratchFolder folder;
  const Json config = models::tiny_bert_config();  // 20 rows; the tokenizer has 1,000
  folder.write("config.json", config);
  folder.write_weights("model.safetensors", models::tiny_bert_weights(config));
  fs::copy(kBert + "/tokenizer.json", folder.path() / "tokenizer.json");
  const auto model = load({.path = folder.path().string()});
  EXPECT_TRUE(model->embed({""}).ok());
  const Status status = model->embed({"", "Hello"}).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("text 1"), HasSubstr("only 20 rows")));
}

// A tokenizer without special tokens makes nothing of the empty text.
TEST_F(EmbedTest, ATextWithoutTokensHasAFiniteEmbedding) {
  const ScratchFolder folder;
  fs::copy(kBert, folder.path(), fs::copy_options::recursive);
  Json tokenizer = *read_json(folder.path() / "tokenizer.json");
  tokenizer["post_processor"] = nullptr;
  folder.write("tokenizer.json", tokenizer);
  for (const char* mode : {"mean", "cls", "max", "lasttoken", "weightedmean"}) {
    folder.write("1_Pooling/config.json", {{"pooling_mode", mode}});
    for (const char* backend : {"openvino", "reference"}) {
      const auto model = load({.path = folder.path().string(), .backend = backend});
      const auto result = model->embed({"", "Hello world!", ""}, {.batch_tokens = 1});
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      EXPECT_EQ(result->tokens[0], 0);
      for (const float x : result->embeddings.data<float>()) EXPECT_TRUE(std::isfinite(x)) << mode;
    }
  }
}

// --- streams -------------------------------------------------------------------------------------

TEST_F(EmbedTest, AStreamGivesTheSameEmbeddings) {
  const auto model = load();
  const auto expected = model->embed(kTexts);
  const auto stream = *model->embed_stream({.window_texts = 2, .window_ms = 1});
  std::thread producer([&] {
    for (int round = 0; round < 20; ++round) {
      for (const std::string& text : kTexts) EXPECT_TRUE(stream->push(text).ok());
    }
    stream->close();
  });
  size_t at = 0;
  for (auto result = stream->next(); result.ok() && result->has_value(); result = stream->next()) {
    const EmbedResult& window = **result;
    EXPECT_EQ(window.report.backend, "openvino");
    for (size_t i = 0; i < window.tokens.size(); ++i, ++at) {
      const size_t text = at % kTexts.size();
      EXPECT_EQ(window.tokens[i], expected->tokens[text]);
      expect_near(row_of(window.embeddings, i), row_of(expected->embeddings, text));
    }
  }
  producer.join();
  EXPECT_EQ(at, 20 * kTexts.size());
  EXPECT_EQ(stream->completed(), at);
}

TEST_F(EmbedTest, AStreamUnderWaySurvivesUnloading) {
  const auto model = load();
  const auto stream = *model->embed_stream();
  EXPECT_TRUE(stream->push("Hello world!").ok());
  EXPECT_TRUE(model->unload().ok());
  stream->close();
  const auto result = stream->next();
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ((*result)->tokens.size(), 1u);
}

// --- threads -------------------------------------------------------------------------------------

TEST_F(EmbedTest, FourThreadsAtOnce) {
  const auto model = load({.streams = 2});
  const auto expected = model->embed(kTexts);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        // The raw and the other graph are compiled at their first call, by whoever comes first.
        const auto raw = model->infer({{"input_ids", integers({2, 7}, 5 + t)}});
        ASSERT_TRUE(raw.ok()) << raw.status().to_string();
        const auto result = model->embed(kTexts);
        ASSERT_TRUE(result.ok()) << result.status().to_string();
        for (size_t i = 0; i < kTexts.size(); ++i) {
          expect_near(row_of(result->embeddings, i), row_of(expected->embeddings, i));
        }
        ASSERT_TRUE(model->embed(kTexts, {.normalize = false}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(EmbedTest, UnloadingWhileOthersEmbed) {
  const auto model = load();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (auto result = model->embed(kTexts);; result = model->embed(kTexts)) {
        if (result.ok()) continue;
        EXPECT_EQ(result.status().code(), StatusCode::kFailedPrecondition);
        return;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(model->unload().ok());
  for (std::thread& thread : threads) thread.join();
}

// The first run gives back the pages of the mapped weights; what reads them again must find them.
TEST_F(EmbedTest, AnswersStayEqualAfterThePagesAreReleased) {
  for (const char* backend : {"openvino", "reference"}) {
    const auto model = load({.backend = backend, .use = Use::kInfer});
    const NamedTensors inputs{{"input_ids", integers({2, 9}, 77)}};
    const auto first = model->infer(inputs);
    ASSERT_TRUE(first.ok());
    for (int round = 0; round < 3; ++round) {
      const auto again = model->infer(inputs);
      ASSERT_TRUE(again.ok());
      const auto a = first->outputs[0].tensor.data<float>();
      const auto b = again->outputs[0].tensor.data<float>();
      EXPECT_TRUE(std::ranges::equal(a, b)) << backend;
    }
    // A graph compiled from released pages.
    const auto before = model->embed(kTexts);
    const auto after = load({.backend = backend})->embed(kTexts);
    for (size_t i = 0; i < kTexts.size(); ++i) {
      expect_near(row_of(before->embeddings, i), row_of(after->embeddings, i));
    }
  }
}

}  // namespace
}  // namespace accel
