#include "runtime/fallback_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <random>

#include "base/try.h"

namespace accel::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A model whose runs end as the test says: its number, NaN, or a status.
struct Scripted {
  float number = 0;
  Status status;
  Status session;  // what create_session() says
  int runs = 0;
  int compiled = 0;
};

class ScriptedSession : public backend::Session {
 public:
  explicit ScriptedSession(Scripted& script) : script_(script) {}
  Status run(const NamedTensors& /*inputs*/, NamedTensors& outputs) override {
    ++script_.runs;
    ACCEL_TRY(script_.status);
    outputs = {{"out", Tensor::from<float>({1}, std::vector<float>{script_.number})}};
    return {};
  }

 private:
  Scripted& script_;
};

class ScriptedModel : public backend::CompiledModel {
 public:
  explicit ScriptedModel(Scripted& script) : script_(script) {}
  const backend::Signature& signature() const override { return signature_; }
  const backend::Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<backend::Session>> create_session() const override {
    ACCEL_TRY(script_.session);
    return std::unique_ptr<backend::Session>(std::make_unique<ScriptedSession>(script_));
  }

 private:
  Scripted& script_;
  const backend::Signature signature_;
  const backend::Executed executed_{.device = "SCRIPT"};
};

class FallbackSessionTest : public testing::Test {
 protected:
  std::shared_ptr<Places> places(size_t count) {
    std::vector<StandIn> others;
    for (size_t i = 1; i < count; ++i) {
      others.push_back({{names_[i], "CPU", Precision::kAuto, false},
                        [this, i]() -> Result<std::shared_ptr<const backend::CompiledModel>> {
                          ++scripts_[i].compiled;
                          return std::shared_ptr<const backend::CompiledModel>(
                              std::make_shared<ScriptedModel>(scripts_[i]));
                        }});
    }
    return std::make_shared<Places>(Candidate{names_[0], "CPU"},
                                    std::make_shared<ScriptedModel>(scripts_[0]), others);
  }
  // Which place answers; -1 with `status_` when none does.
  int run(FallbackSession& session) {
    NamedTensors outputs;
    status_ = session.run({}, outputs);
    return status_.ok() ? static_cast<int>(outputs[0].tensor.data<float>()[0]) : -1;
  }

  const std::vector<std::string> names_{"first", "second", "third"};
  std::vector<Scripted> scripts_{{.number = 0}, {.number = 1}, {.number = 2}};
  Status status_;
};

TEST_F(FallbackSessionTest, RunsWhereItIsMeantToAndCompilesNothingElse) {
  const auto session = *FallbackSession::create(places(3));
  EXPECT_EQ(run(*session), 0);
  EXPECT_EQ(session->fallback(), nullptr);
  EXPECT_EQ(scripts_[1].compiled + scripts_[2].compiled, 0);
}

TEST_F(FallbackSessionTest, AFailedRunIsAnsweredByTheNextPlaceAndSaysWhy) {
  const auto shared = places(3);
  const auto session = *FallbackSession::create(shared);
  scripts_[0].status = internal_error("engine broke");
  scripts_[1].status = unavailable("gone");
  EXPECT_EQ(run(*session), 2);
  ASSERT_NE(session->fallback(), nullptr);
  EXPECT_EQ(session->fallback()->reason,
            "third on CPU instead of first on CPU: engine broke; second on CPU: gone");
  EXPECT_EQ(session->fallback()->where.backend, "third");
  EXPECT_EQ(shared->fallbacks(), 1);
  scripts_[0].status = {};
  EXPECT_EQ(run(*session), 0) << "one failure is no reason to leave a place";
  EXPECT_EQ(session->fallback(), nullptr);
  EXPECT_EQ(shared->fallbacks(), 1);
}

TEST_F(FallbackSessionTest, WithoutAnotherPlaceTheErrorIsTheEngines) {
  const auto session = *FallbackSession::create(places(1));
  scripts_[0].status = internal_error("engine broke");
  EXPECT_EQ(run(*session), -1);
  EXPECT_EQ(status_.code(), StatusCode::kInternal);
  EXPECT_EQ(status_.message(), "engine broke");
}

TEST_F(FallbackSessionTest, WhenNoneCanTheErrorIsTheFirstsWithAllOthers) {
  const auto session = *FallbackSession::create(places(2));
  scripts_[0].status = internal_error("engine broke");
  scripts_[1].status = unimplemented("too much");
  EXPECT_EQ(run(*session), -1);
  EXPECT_EQ(status_.code(), StatusCode::kInternal);
  EXPECT_EQ(status_.message(), "engine broke; no fallback helped; second on CPU: too much");
}

TEST_F(FallbackSessionTest, AnErrorOfTheInputsIsNobodysElseToTry) {
  const auto session = *FallbackSession::create(places(2));
  scripts_[0].status = invalid_argument("a wrong shape");
  EXPECT_EQ(run(*session), -1);
  EXPECT_EQ(status_.message(), "a wrong shape");
  EXPECT_EQ(scripts_[1].compiled, 0);
}

TEST_F(FallbackSessionTest, NanIsAFailureUnlessItMayBe) {
  const auto session = *FallbackSession::create(places(2));
  scripts_[0].number = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(run(*session), 1);
  EXPECT_THAT(session->fallback()->reason, HasSubstr("output 'out': 1 of 1 numbers are NaN"));
  session->refuse_nan(false);
  NamedTensors outputs;
  EXPECT_TRUE(session->run({}, outputs).ok());
  EXPECT_EQ(session->fallback(), nullptr);
}

TEST_F(FallbackSessionTest, APlaceThatGivesNoSessionIsLeftToo) {
  scripts_[0].session = unavailable("no memory on the device");
  EXPECT_EQ(FallbackSession::create(places(1)).status().message(), "no memory on the device");
  const auto session = *FallbackSession::create(places(2));
  EXPECT_EQ(run(*session), 1);
  scripts_[0].session = {};
  EXPECT_EQ(run(*session), 0);
}

TEST_F(FallbackSessionTest, APlaceThatKeepsFailingRestsAndIsTriedAgain) {
  const auto session = *FallbackSession::create(places(2));
  scripts_[0].status = internal_error("engine broke");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(*session), 1);
  EXPECT_EQ(scripts_[0].runs, 3);
  EXPECT_THAT(session->fallback()->reason, StartsWith("second on CPU instead of first on CPU: "
                                                      "engine broke"));
}

TEST(Rest, BeginsWithTheThirdFailureInARowAndDoublesToAMinute) {
  using std::chrono::milliseconds;
  Rest rest;
  Clock::time_point now{};
  rest.failed(now);
  rest.failed(now);
  EXPECT_TRUE(rest.over(now));
  for (const int64_t seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    rest.failed(now);
    EXPECT_FALSE(rest.over(now + std::chrono::seconds(seconds) - milliseconds(1)));
    now += std::chrono::seconds(seconds);
    EXPECT_TRUE(rest.over(now));
  }
  rest.succeeded();
  rest.failed(now);
  EXPECT_TRUE(rest.over(now));
}

// A million runs with random failures. A failing seed replays.
TEST_F(FallbackSessionTest, SimulationARunIsAnsweredExactlyWhenAPlaceCan) {
  const std::vector<Status> endings{{},
                                    {},
                                    {},
                                    internal_error("broke"),
                                    unavailable("gone"),
                                    invalid_argument("wrong"),
                                    resource_exhausted("full")};
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  uint64_t answered_elsewhere = 0;
  uint64_t counted = 0;
  for (int round = 0; round < 1000; ++round) {
    const auto shared = places(3);
    const auto session = *FallbackSession::create(shared);
    for (int i = 0; i < 1000; ++i) {
      std::vector<int> before;
      for (Scripted& script : scripts_) {
        script.status = endings[random() % endings.size()];
        before.push_back(script.runs);
      }
      const size_t first = shared->first_to_try();
      const int place = run(*session);
      // Each place from the first on that was tried failed for a reason of its own, and the last
      // one tried is the answer.
      size_t tried = first;
      while (tried < 2 &&
             lies_with_candidate({names_[tried], "CPU"}, scripts_[tried].status.code())) {
        ++tried;
      }
      for (size_t one = 0; one < 3; ++one) {
        ASSERT_EQ(scripts_[one].runs - before[one], one >= first && one <= tried ? 1 : 0);
      }
      ASSERT_EQ(place, scripts_[tried].status.ok() ? static_cast<int>(tried) : -1);
      ASSERT_EQ(session->fallback() != nullptr, place > 0);
      answered_elsewhere += place > 0 ? 1 : 0;
    }
    counted += shared->fallbacks();
  }
  EXPECT_EQ(counted, answered_elsewhere);
}

}  // namespace
}  // namespace accel::runtime
