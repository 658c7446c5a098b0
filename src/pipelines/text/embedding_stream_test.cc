#include "pipelines/text/embedding_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using runtime::echo_of;
using runtime::EchoModel;
using runtime::EchoOptions;
using std::chrono::milliseconds;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Room for a busy machine and the sanitizers; what must be soon is far below it.
constexpr auto kSlack = std::chrono::seconds(5);
constexpr auto kNever = std::chrono::hours(1);

std::vector<std::vector<int64_t>> random_texts(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<int64_t>> texts(count);
  for (auto& ids : texts) {
    ids.resize(random() % 20);
    for (int64_t& id : ids) id = random() % kNumbers;
  }
  return texts;
}

class Stream : public testing::Test {
 protected:
  void start(EmbeddingStreamOptions options, int sessions = 1, EchoOptions echo = {}) {
    engine_ = std::make_shared<EchoModel>(std::move(echo));
    stream_ = std::make_unique<TextEmbeddingStream>(
        std::make_shared<const EmbeddingModel>(number_model()),
        std::make_shared<runtime::SessionPool>(engine_, sessions), std::move(options));
  }
  // Pushes all texts from a thread of its own and closes.
  std::thread producer(const std::vector<std::vector<int64_t>>& texts) {
    return std::thread([this, &texts] {
      for (const auto& ids : texts) {
        if (!stream_->push(text_of(ids)).ok()) return;
      }
      stream_->close();
    });
  }
  // Reads to the end and checks every row against its text.
  void expect_all(const std::vector<std::vector<int64_t>>& texts) {
    size_t at = 0;
    for (auto result = stream_->next();; result = stream_->next()) {
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      if (!result->has_value()) break;
      const EmbedResult& window = **result;
      ASSERT_GT(window.tokens.size(), 0u);
      ASSERT_EQ(window.embeddings.shape()[0], std::ssize(window.tokens));
      ASSERT_LE(at + window.tokens.size(), texts.size());
      for (int64_t i = 0; i < window.embeddings.shape()[0]; ++i, ++at) {
        ASSERT_EQ(window.tokens[i], std::ssize(texts[at]));
        ASSERT_EQ(row_of(window.embeddings, i), echo_of(texts[at])) << "text " << at;
      }
    }
    EXPECT_EQ(at, texts.size());
    EXPECT_EQ(stream_->completed(), texts.size());
    EXPECT_FALSE(stream_->next()->has_value());  // the end stays the end
  }
  void run_through(size_t count, EmbeddingStreamOptions options, int sessions) {
    const auto texts = random_texts(count, 7);
    start(std::move(options), sessions);
    std::thread thread = producer(texts);
    expect_all(texts);
    thread.join();
  }

  std::shared_ptr<EchoModel> engine_;
  std::unique_ptr<TextEmbeddingStream> stream_;
};

// --- order and content ---------------------------------------------------------------------------

TEST_F(Stream, AnswersComeInOrderWithOneSession) {
  run_through(3000, {.window_texts = 100, .batch_tokens = 64}, 1);
}

TEST_F(Stream, AnswersComeInOrderWithFourSessions) {
  run_through(5000, {.window_texts = 64, .batch_tokens = 40}, 4);
  EXPECT_LE(engine_->sessions(), 4);
}

TEST_F(Stream, WindowsOfOneText) { run_through(300, {.window_texts = 1}, 4); }

TEST_F(Stream, AWindowLargerThanTheInput) {
  run_through(50, {.window_texts = 4096, .window_age = kNever, .batch_tokens = 1}, 4);
}

TEST_F(Stream, AWindowThatNeverWaits) {
  run_through(300, {.window_texts = 4096, .window_age = milliseconds(0)}, 2);
}

TEST_F(Stream, RandomShapesOfEverything) {
  std::mt19937 random(42);
  for (int round = 0; round < 20; ++round) {
    run_through(random() % 400,
                {.window_texts = static_cast<int>(1 + random() % 50),
                 .window_age = milliseconds(random() % 5),
                 .batch_tokens = static_cast<int64_t>(1 + random() % 200)},
                static_cast<int>(1 + random() % 4));
    if (HasFatalFailure()) return;
  }
}

TEST_F(Stream, NothingPushedIsAnEmptyAnswer) {
  start({}, 4);
  stream_->close();
  EXPECT_FALSE(stream_->next()->has_value());
  EXPECT_EQ(engine_->runs(), 0);
}

TEST_F(Stream, FourSessionsReallyRunAtOnce) {
  start({.window_texts = 8, .window_age = kNever, .batch_tokens = 1}, 4);
  engine_->hold();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(stream_->push("5 6").ok());
  EXPECT_TRUE(engine_->wait_for_running(4));
  engine_->release();
  EXPECT_EQ((*stream_->next())->tokens.size(), 8u);
  EXPECT_EQ(engine_->most_at_once(), 4);
}

TEST_F(Stream, TheWindowTellsWhatHappenedToItsTexts) {
  RunReport report;
  report.device = "ECHO";
  std::atomic<int> batches = 0;
  start({.window_texts = 3,
         .window_age = kNever,
         .batch_tokens = 6,
         .finish = {.dimensions = 2, .normalize = false},
         .prompt = "9 ",
         .report = report,
         .after_batch = [&] { ++batches; }});
  ASSERT_TRUE(stream_->push("1 2 \xFF").ok());
  ASSERT_TRUE(stream_->push("1").ok());
  ASSERT_TRUE(stream_->push(text_of(std::vector<int64_t>(100, 3))).ok());
  const EmbedResult window = **stream_->next();
  EXPECT_EQ(window.tokens, (std::vector<int32_t>{4, 2, 64}));
  EXPECT_EQ(window.truncated, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(window.replaced_utf8, 1u);
  EXPECT_EQ(window.padded_tokens, 0u);
  EXPECT_EQ(window.embeddings.shape(), (Shape{3, 2}));
  EXPECT_EQ(row_of(window.embeddings, 1), (std::vector<float>{2, 10}));
  EXPECT_EQ(window.report.device, "ECHO");
  EXPECT_GT(window.times.tokenize, 0);
  EXPECT_GT(window.times.infer, 0);
  EXPECT_EQ(batches, 3);
}

// --- time ----------------------------------------------------------------------------------------

TEST_F(Stream, ALoneLineIsAnsweredAfterTheWindowsAge) {
  start({.window_texts = 4096, .window_age = milliseconds(50)}, 2);
  for (int round = 0; round < 3; ++round) {
    const auto begin = Clock::now();
    ASSERT_TRUE(stream_->push("7").ok());
    const auto result = stream_->next();
    const auto waited = Clock::now() - begin;
    ASSERT_TRUE(result.ok());
    EXPECT_EQ((*result)->tokens.size(), 1u);
    EXPECT_GE(waited, milliseconds(50));
    EXPECT_LT(waited, milliseconds(50) + kSlack);
  }
}

TEST_F(Stream, LinesKeepEachOtherCompanyMeanwhile) {
  start({.window_texts = 4096, .window_age = milliseconds(400)}, 2);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream_->push(std::to_string(i)).ok());
  EXPECT_EQ((*stream_->next())->tokens.size(), 10u);
  EXPECT_EQ(engine_->runs(), 1);
}

TEST_F(Stream, AFullWindowDoesNotWait) {
  start({.window_texts = 2, .window_age = kNever});
  ASSERT_TRUE(stream_->push("1").ok());
  ASSERT_TRUE(stream_->push("2").ok());
  EXPECT_EQ((*stream_->next())->tokens.size(), 2u);
}

TEST_F(Stream, ClosingEndsTheWait) {
  start({.window_texts = 4096, .window_age = kNever});
  ASSERT_TRUE(stream_->push("1").ok());
  stream_->close();
  EXPECT_EQ((*stream_->next())->tokens.size(), 1u);
  EXPECT_FALSE(stream_->next()->has_value());
  EXPECT_EQ(stream_->push("2").code(), StatusCode::kFailedPrecondition);
}

TEST_F(Stream, ASlowProducerIsServedLineByLine) {
  start({.window_texts = 4096, .window_age = milliseconds(1)}, 4, {.delay = milliseconds(2)});
  std::thread thread([&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(stream_->push(std::to_string(i)).ok());
      std::this_thread::sleep_for(milliseconds(5));
    }
    stream_->close();
  });
  std::vector<std::vector<int64_t>> texts;
  for (int i = 0; i < 20; ++i) texts.push_back({i});
  expect_all(texts);
  thread.join();
}

// --- memory --------------------------------------------------------------------------------------

TEST_F(Stream, EndlessInputWithASlowReaderIsHeldBack) {
  constexpr int kWindow = 10;
  constexpr int kHeld = 4 * kWindow;  // three cut windows, and the open one
  start({.window_texts = kWindow, .window_age = milliseconds(1), .batch_tokens = 4}, 4);
  std::atomic<int> pushed = 0;
  std::thread thread([&] {
    while (stream_->push("1 2").ok()) ++pushed;
  });
  const auto settled = [&] {  // the count once it has not changed for a while
    int before = -1;
    while (before != pushed) {
      before = pushed;
      std::this_thread::sleep_for(milliseconds(100));
    }
    return before;
  };
  // A window that waited too long was cut before it was full: fewer, but never more.
  const int first = settled();
  EXPECT_LE(first, kHeld);
  EXPECT_GE(first, kWindow + 3);
  int read = 0;
  for (int round = 0; round < 5; ++round) {
    read += static_cast<int>((*stream_->next())->tokens.size());
    EXPECT_LE(settled() - read, kHeld);
  }
  stream_->cancel();
  thread.join();
}

TEST_F(Stream, ExactlyThreeWindowsAreCutAhead) {
  start({.window_texts = 5, .window_age = kNever, .batch_tokens = 1}, 2);
  std::atomic<int> pushed = 0;
  std::thread thread([&] {
    while (stream_->push("1 2").ok()) ++pushed;
  });
  for (int read = 0; read < 20; read += 5) {
    const auto end = Clock::now() + kSlack;
    while (pushed < read + 20 && Clock::now() < end) std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(pushed, read + 20);
    EXPECT_LE(stream_->completed(), static_cast<uint64_t>(read + 15));
    EXPECT_EQ((*stream_->next())->tokens.size(), 5u);
  }
  stream_->cancel();
  thread.join();
}

// --- the end before the end ----------------------------------------------------------------------

TEST_F(Stream, CancellingWakesAWaitingReader) {
  start({.window_age = kNever}, 2);
  ASSERT_TRUE(stream_->push("1").ok());
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    stream_->cancel();
  });
  EXPECT_EQ(stream_->next().status().code(), StatusCode::kCancelled);
  canceller.join();
  EXPECT_EQ(stream_->push("2").code(), StatusCode::kCancelled);
  EXPECT_EQ(stream_->next().status().code(), StatusCode::kCancelled);
}

TEST_F(Stream, CancellingWakesAWaitingWriter) {
  start({.window_texts = 1, .window_age = kNever}, 2);
  engine_->hold();
  std::thread canceller([&] {
    EXPECT_TRUE(engine_->wait_for_running(1));
    std::this_thread::sleep_for(milliseconds(20));
    stream_->cancel();
    engine_->release();
  });
  Status status;
  while (status.ok()) status = stream_->push("1");
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  canceller.join();
}

TEST_F(Stream, CancellingIsAllowedFromAnyThreadAtAnyTime) {
  for (int round = 0; round < 20; ++round) {
    start({.window_texts = 4, .window_age = milliseconds(1), .batch_tokens = 4}, 4);
    const auto texts = random_texts(2000, round);
    std::thread thread = producer(texts);
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
      stream_->cancel();
    });
    for (auto result = stream_->next(); result.ok() && result->has_value();) {
      result = stream_->next();
    }
    canceller.join();
    thread.join();
  }
}

TEST_F(Stream, AFailingRunEndsWritingAndReading) {
  for (const int failing : {0, 3, 17}) {
    start({.window_texts = 4, .window_age = milliseconds(1), .batch_tokens = 2}, 3,
          {.failing_run = failing, .failure = unavailable("the device went away")});
    std::atomic<bool> ended = false;
    std::thread thread([&] {
      Status status;
      while (status.ok()) status = stream_->push("5 6");
      EXPECT_EQ(status.code(), StatusCode::kCancelled);
      ended = true;
    });
    Result<std::optional<EmbedResult>> result = stream_->next();
    while (result.ok()) result = stream_->next();
    EXPECT_EQ(result.status().code(), StatusCode::kUnavailable);
    EXPECT_THAT(result.status().message(), HasSubstr("the device went away"));
    thread.join();
    EXPECT_TRUE(ended);
    EXPECT_EQ(stream_->next().status().code(), StatusCode::kUnavailable);  // told again
  }
}

TEST_F(Stream, ASessionThatCannotBeMadeIsTold) {
  start({.window_texts = 1}, 2, {.session_failures = 1000});
  ASSERT_TRUE(stream_->push("1").ok());
  EXPECT_EQ(stream_->next().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(stream_->push("1").code(), StatusCode::kCancelled);
}

TEST_F(Stream, ATextThatIsRefusedEndsTheStream) {
  start({.window_age = kNever, .strict_utf8 = true}, 2);
  ASSERT_TRUE(stream_->push("1").ok());
  EXPECT_EQ(stream_->push("2 \xFF").code(), StatusCode::kCancelled);
  const Status status = stream_->next().status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.offset(), 2u);
  EXPECT_EQ(stream_->push("3").code(), StatusCode::kCancelled);
}

TEST_F(Stream, CancellingFirstHidesALaterError) {
  start({.strict_utf8 = true});
  stream_->cancel();
  EXPECT_EQ(stream_->push("\xFF").code(), StatusCode::kCancelled);
  EXPECT_EQ(stream_->next().status().code(), StatusCode::kCancelled);
}

TEST_F(Stream, MayBeDestroyedWhileBusy) {
  for (const int sessions : {1, 4}) {
    start({.window_texts = 3, .window_age = milliseconds(1), .batch_tokens = 1}, sessions,
          {.delay = milliseconds(2)});
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream_->push("1 2").ok());
    stream_.reset();
    EXPECT_LE(engine_->runs(), 10);
  }
}

TEST_F(Stream, MayBeDestroyedUnused) {
  start({}, 4);
  stream_.reset();
  EXPECT_EQ(engine_->sessions(), 0);
}

}  // namespace
}  // namespace accel::pipelines
