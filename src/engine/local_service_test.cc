// The service over a tiny BERT: what a server asks of it, without one.
#include "engine/local_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "engine/engine_fixture.h"

namespace accel {
namespace {

using service::Event;
using service::EventStream;
using service::ItemAnswer;
using testing::HasSubstr;

class LocalServiceTest : public EngineTest {
 protected:
  LocalServiceTest() {
    const auto defined = manager_->define({.name = "bert", .load = {.path = kBert}});
    if (!defined.ok()) ADD_FAILURE() << defined.to_string();
  }

  std::unique_ptr<EventStream> run(const std::vector<std::string>& texts,
                                   SubmitOptions how = {.task = "sentence-embedding"}) {
    service::RunItems asked{.model = "bert", .how = std::move(how)};
    for (const std::string& text : texts) asked.items.push_back({.text = text});
    return service_->submit(std::move(asked));
  }

  // Every item's answer, by its place.
  static std::vector<Result<ItemResult>> all_of(EventStream& stream, size_t count) {
    std::vector<Result<ItemResult>> results(count, Result<ItemResult>(internal_error("none")));
    std::set<size_t> seen;
    while (auto event = next(stream)) {
      if (!event->ok()) {
        ADD_FAILURE() << event->status().to_string();
        break;
      }
      auto& answer = std::get<ItemAnswer>(**event);
      EXPECT_TRUE(seen.insert(answer.item).second) << "item " << answer.item << " came twice";
      results[answer.item] = std::move(answer.result);
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_TRUE(stream.ended());
    return results;
  }

  static Status error_of(EventStream& stream) {
    const auto event = next(stream);
    if (!event) return internal_error("the stream ended without an event");
    return event->status();
  }

  const std::unique_ptr<ModelManager> manager_ = *ModelManager::create(*engine_);
  std::unique_ptr<service::InferenceService> service_ =
      engine::make_local_service(*engine_, *manager_, {.items_at_once = 32});
};

std::vector<float> embedding_of(const ItemResult& result) {
  const auto values = std::get<Features>(result.result.answer).values.data<float>();
  return {values.begin(), values.end()};
}

TEST_F(LocalServiceTest, AModelIsLoadedByTheFirstWhoAsksAndAnswersAsTheLibraryDoes) {
  const auto expected = load()->embed(kTexts);
  const auto stream = run(kTexts);
  const auto results = all_of(*stream, kTexts.size());
  for (size_t i = 0; i < kTexts.size(); ++i) {
    ASSERT_TRUE(results[i].ok()) << results[i].status().to_string();
    expect_near(embedding_of(*results[i]), row_of(expected->embeddings, i));
    EXPECT_EQ(results[i]->tokens, expected->tokens[i]);
    EXPECT_EQ(results[i]->report->backend, "openvino");
  }
  EXPECT_EQ(manager_->models()[0].loads, 1);
}

TEST_F(LocalServiceTest, ALongRequestIsAnsweredWholeThoughFewOfItsItemsAreUnderWayAtATime) {
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("text number " + std::to_string(i));
  const auto expected = load()->embed(texts);
  const auto results = all_of(*run(texts), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(results[i].ok()) << results[i].status().to_string();
    expect_near(embedding_of(*results[i]), row_of(expected->embeddings, i));
  }
}

TEST_F(LocalServiceTest, ManyStreamsAtATimeGetTheirOwnAnswers) {
  const auto expected = load()->embed(kTexts);
  std::vector<std::unique_ptr<EventStream>> streams;
  for (size_t i = 0; i < 200; ++i) streams.push_back(run({kTexts[i % kTexts.size()]}));
  for (size_t i = 0; i < streams.size(); ++i) {
    const auto results = all_of(*streams[i], 1);
    ASSERT_TRUE(results[0].ok());
    expect_near(embedding_of(*results[0]), row_of(expected->embeddings, i % kTexts.size()));
  }
  EXPECT_EQ(manager_->models()[0].loads, 1);
}

// Items end on threads of their model, which must not be those that end the model.
TEST_F(LocalServiceTest, AModelIsReplacedWhileItAnswers) {
  ASSERT_TRUE(all_of(*run({"a text"}), 1)[0].ok());
  std::atomic<bool> over = false;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      while (!over) EXPECT_TRUE(all_of(*run({"a text", "another"}), 2)[1].ok());
    });
  }
  for (int i = 0; i < 6; ++i) {
    const ModelDefinition changed{.name = "bert", .load = {.path = kBert, .streams = 1 + i % 2}};
    EXPECT_EQ(manager_->change({.define = {changed}}).to_string(), "OK");
    EXPECT_EQ(*manager_->definition("bert"), changed);
  }
  over = true;
  clients.clear();
  EXPECT_EQ(manager_->models()[0].loads, 7);
}

TEST_F(LocalServiceTest, OneItemsErrorIsItsOwn) {
  service::RunItems asked{.model = "bert", .how = {.task = "sentence-embedding"}};
  asked.items = {{.text = "a text"},
                 {.tokens = std::vector<int32_t>{2, 999'999, 3}},
                 {.tokens = std::vector<int32_t>{2, 17, 3}}};
  const auto results = all_of(*service_->submit(std::move(asked)), 3);
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].status().code(), StatusCode::kOutOfRange);
  EXPECT_THAT(results[1].status().message(), HasSubstr("tokens[1]"));
  EXPECT_TRUE(results[2].ok()) << results[2].status().to_string();
  EXPECT_EQ(results[2]->tokens, 3);
}

TEST_F(LocalServiceTest, TokensAreTakenAsTheyAreAndGiveWhatTheirTextGives) {
  const auto model = load();
  const auto tokens = model->tokenize("Hello world!");
  ASSERT_TRUE(tokens.ok()) << tokens.status().to_string();
  std::vector<int32_t> ids;
  for (const TextToken& token : *tokens) ids.push_back(token.id);
  EXPECT_TRUE(tokens->front().special && tokens->back().special);
  service::RunItems asked{.model = "bert", .how = {.task = "sentence-embedding"}};
  asked.items = {{.tokens = ids}};
  const auto results = all_of(*service_->submit(std::move(asked)), 1);
  ASSERT_TRUE(results[0].ok()) << results[0].status().to_string();
  expect_near(embedding_of(*results[0]), row_of(model->embed({"Hello world!"})->embeddings, 0));
  EXPECT_EQ(*model->decode(ids), "hello world!");
}

TEST_F(LocalServiceTest, EmbeddingsAreCutAndKeepTheirLengthWhereAskedTo) {
  const auto model = load();
  for (const EmbedOptions& embed : {EmbedOptions{.dimensions = 8}, EmbedOptions{.normalize = false},
                                    EmbedOptions{.dimensions = 8, .normalize = false}}) {
    TaskOptions options;
    if (embed.dimensions > 0) options.dimensions = embed.dimensions;
    if (!embed.normalize) options.normalize = false;
    const auto results =
        all_of(*run({"a text"}, {.task = "sentence-embedding", .options = options}), 1);
    ASSERT_TRUE(results[0].ok()) << results[0].status().to_string();
    expect_near(embedding_of(*results[0]), row_of(model->embed({"a text"}, embed)->embeddings, 0));
  }
  TaskOptions beyond{.dimensions = 33};
  const auto results =
      all_of(*run({"a text"}, {.task = "sentence-embedding", .options = beyond}), 1);
  EXPECT_THAT(results[0].status().message(), HasSubstr("expected at most 32, found 33"));
}

TEST_F(LocalServiceTest, WhatIsWrongWithTheRequestIsTheOnlyEvent) {
  service::RunItems unknown{.model = "roberta", .items = {{.text = "a"}}};
  EXPECT_EQ(error_of(*service_->submit(std::move(unknown))).code(), StatusCode::kNotFound);
  EXPECT_EQ(error_of(*run({})).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(error_of(*service_->submit(service::Unload{"bert"})).code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(error_of(*service_->submit(service::Describe{.model = "roberta"})).code(),
            StatusCode::kNotFound);
}

TEST_F(LocalServiceTest, AModelOfAnotherKindIsAskedTheWrongThing) {
  const std::string folder = std::string(ACCEL_TEST_DATA) + "/golden/wav2vec2-ctc";
  ASSERT_TRUE(
      manager_->define({.name = "speech", .load = {.path = folder, .use = Use::kRun}}).ok());
  const auto results = all_of(
      *service_->submit(service::RunItems{
          .model = "speech", .items = {{.text = "a text"}}, .how = {.task = "sentence-embedding"}}),
      1);
  EXPECT_EQ(results[0].status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(results[0].status().message(), HasSubstr("models of text; wav2vec 2.0 takes none"));
}

TEST_F(LocalServiceTest, TheTimeOfARequestIncludesItsModelsLoading) {
  const auto results =
      all_of(*run({"a text"}, {.task = "sentence-embedding", .timeout_ms = 0.0}), 1);
  EXPECT_EQ(results[0].status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(LocalServiceTest, WhoStopsReadingCancelsAndTheModelIsFree) {
  ASSERT_TRUE(next(*service_->submit(service::Load{"bert"}))->ok());
  for (int i = 0; i < 20; ++i) {
    const auto stream = run(std::vector<std::string>(300, "a text that nobody waits for"));
    if (i % 2 == 0) {
      EXPECT_TRUE(next(*stream)->ok());
    }
  }
  // Every lease has ended, or will when what runs has.
  ASSERT_TRUE(next(*service_->submit(service::Unload{"bert"}))->ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (manager_->models()[0].state != ModelState::kUnloaded) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_F(LocalServiceTest, AWakerIsCalledOnceAndAtOnceWhereSomethingIsThere) {
  const auto stream = run({"a text"});
  std::promise<void> woken;
  stream->notify([&] { woken.set_value(); });  // a second call would throw
  woken.get_future().wait();
  std::promise<void> again;
  stream->notify([&] { again.set_value(); });
  again.get_future().wait();
  ASSERT_TRUE(stream->try_next().has_value());
  EXPECT_TRUE(stream->ended());
  std::promise<void> ended;
  stream->notify([&] { ended.set_value(); });
  ended.get_future().wait();
}

TEST_F(LocalServiceTest, AStreamOutlivesItsService) {
  const auto idle = run({"a text"});
  const auto busy = run(std::vector<std::string>(500, "a text"));
  service_.reset();
  while (next(*idle)) {
  }
  while (const auto event = next(*busy)) {
    if (!event->ok()) {
      EXPECT_EQ(event->status().code(), StatusCode::kCancelled);
    }
  }
  EXPECT_TRUE(busy->ended());
}

TEST_F(LocalServiceTest, RawTensorsTokensAndFactsComeThroughTheSameDoor) {
  service::RunTensors tensors{.model = "bert"};
  tensors.inputs = {{"input_ids", integers({1, 4}, 5)}};
  const auto outputs = next(*service_->submit(std::move(tensors)));
  ASSERT_TRUE(outputs->ok()) << outputs->status().to_string();
  EXPECT_NE(find(std::get<InferResult>(**outputs).outputs, "last_hidden_state"), nullptr);

  const auto tokens = next(*service_->submit(service::Tokenize{"bert", {"Hello world!"}}));
  ASSERT_TRUE(tokens->ok());
  const auto& first = std::get<service::TokenizedTexts>(**tokens).texts[0];
  std::vector<int32_t> ids;
  for (const TextToken& token : first) ids.push_back(token.id);
  const auto texts = next(*service_->submit(service::Decode{"bert", {ids}}));
  EXPECT_EQ(std::get<service::DecodedTexts>(**texts).texts[0], "hello world!");

  ASSERT_TRUE(manager_->alias("default", "bert").ok());
  const auto told = next(*service_->submit(service::Describe{.model = "default", .facts = true}));
  ASSERT_TRUE(told->ok()) << told->status().to_string();
  const auto& models = std::get<service::ServedModels>(**told).models;
  ASSERT_EQ(models.size(), 1);
  EXPECT_EQ(models[0].state.name, "bert");
  EXPECT_EQ(models[0].state.state, ModelState::kLoaded);
  EXPECT_THAT(models[0].aliases, testing::ElementsAre("default"));
  EXPECT_EQ(models[0].facts->embedding_size, 32);
  EXPECT_TRUE(models[0].statistics.has_value());
}

}  // namespace
}  // namespace accel
