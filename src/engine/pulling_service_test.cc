// Who may have what pulled; tests/journey/test_serve_pull.py pulls from a hub.
#include "engine/pulling_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "engine/engine_fixture.h"
#include "engine/local_service.h"

namespace accel {
namespace {

using service::EventStream;
using service::PullStage;
using service::PullStep;
using testing::HasSubstr;

// A hub that is not reached before a test lets it be, and then refuses.
class ClosedHub {
 public:
  Result<hub::PullOptions> ask() {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    return unavailable("no hub today");
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for(int asked) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= asked; });
  }
  int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  int asked_ = 0;
  bool open_ = false;
};

class PullingServiceTest : public EngineTest {
 protected:
  ~PullingServiceTest() override { hub_.open(); }

  std::unique_ptr<EventStream> pull(const std::string& model) {
    return service_->submit(service::Pull{model});
  }
  static Status error_of(EventStream& stream) {
    while (auto event = next(stream)) {
      if (!event->ok()) return event->status();
    }
    return {};
  }
  static PullStage stage_of(EventStream& stream) {
    return std::get<PullStep>(**next(stream)).stage;
  }

  ClosedHub hub_;
  const std::unique_ptr<ModelManager> manager_ = *ModelManager::create(*engine_);
  const std::unique_ptr<service::InferenceService> inner_ =
      engine::make_local_service(*engine_, *manager_);
  std::unique_ptr<service::InferenceService> service_ = engine::make_pulling_service(
      *inner_, *engine_, *manager_,
      {.allowed = {"org/*", "other/one"}, .hub = [this] { return hub_.ask(); }});
};

TEST_F(PullingServiceTest, WhatWasNotAllowedIsRefused) {
  for (const char* model : {"alien/name", "other/one-more", "name"}) {
    const Status error = error_of(*pull(model));
    EXPECT_EQ(error.code(), StatusCode::kPermissionDenied) << model;
    EXPECT_THAT(error.message(), HasSubstr("pulls only org/*, other/one"));
    EXPECT_THAT(error.message(), HasSubstr("--allow-pull"));
  }
  EXPECT_EQ(hub_.asked(), 0);
}

TEST_F(PullingServiceTest, AServiceWithoutOneRefusesAll) {
  const auto stream = inner_->submit(service::Pull{"org/name"});
  const Status error = error_of(*stream);
  EXPECT_EQ(error.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(error.message(), HasSubstr("--allow-pull"));
}

TEST_F(PullingServiceTest, WhatIsNoNameIsRefused) {
  for (const char* model :
       {"", "../x", "org/name/more", "org/name:tag", "/etc/passwd", "org/a@b:c"}) {
    EXPECT_EQ(error_of(*pull(model)).code(), StatusCode::kInvalidArgument) << model;
  }
  EXPECT_EQ(hub_.asked(), 0);
}

TEST_F(PullingServiceTest, ThoseWhoPullTheSameShareIt) {
  const auto first = pull("org/name");
  hub_.wait_for(1);
  const auto second = pull("org/name");
  EXPECT_EQ(stage_of(*first), PullStage::kListing);
  EXPECT_EQ(stage_of(*second), PullStage::kListing);
  std::promise<void> woken;
  second->notify([&] { woken.set_value(); });
  hub_.open();
  woken.get_future().wait();
  EXPECT_EQ(error_of(*first).message(), "no hub today");
  EXPECT_EQ(error_of(*second).message(), "no hub today");
  EXPECT_TRUE(first->ended() && second->ended());
  EXPECT_EQ(hub_.asked(), 1);
  EXPECT_TRUE(manager_->models().empty());
}

TEST_F(PullingServiceTest, SoManyAtATimeAreTaken) {
  const auto one = pull("org/one");
  const auto two = pull("org/two");
  hub_.wait_for(2);
  const Status error = error_of(*pull("org/three"));
  EXPECT_EQ(error.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(error.message(), HasSubstr("try again later"));
}

TEST_F(PullingServiceTest, WhoComesAfterTheLastHasLeftBeginsAnew) {
  auto first = pull("org/name");
  hub_.wait_for(1);
  first.reset();
  const auto second = pull("org/name");
  hub_.wait_for(2);
  hub_.open();
  EXPECT_EQ(error_of(*second).message(), "no hub today");
}

TEST_F(PullingServiceTest, AStreamOutlivesTheService) {
  const auto stream = pull("org/name");
  hub_.wait_for(1);
  hub_.open();
  service_.reset();
  EXPECT_FALSE(error_of(*stream).ok());
  EXPECT_TRUE(stream->ended());
}

TEST_F(PullingServiceTest, TheRestIsAnsweredByTheOtherService) {
  ASSERT_TRUE(manager_->define({.name = "bert", .load = {.path = kBert}}).ok());
  const auto stream = service_->submit(service::Load{"bert"});
  const auto event = next(*stream);
  ASSERT_TRUE(event && event->ok());
  EXPECT_TRUE(std::holds_alternative<service::Done>(**event));
}

}  // namespace
}  // namespace accel
