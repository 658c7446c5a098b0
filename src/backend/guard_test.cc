#include "backend/guard.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "accel/status.h"

namespace accel::backend {
namespace {

TEST(EngineMessage, IsTheLastLine) {
  EXPECT_EQ(engine_message("cannot open shared object file"), "cannot open shared object file");
  EXPECT_EQ(
      engine_message("Exception from core.cpp:84:\nException from plugin.cpp:3:\nno file \n\n"),
      "no file");
  EXPECT_EQ(engine_message(""), "");
}

TEST(Guarded, PassesTheOutcomeOn) {
  const auto seven = guarded("counting", StatusCode::kInternal, []() -> Result<int> { return 7; });
  ASSERT_TRUE(seven.ok());
  EXPECT_EQ(*seven, 7);
  const Status missing =
      guarded("looking", StatusCode::kInternal, []() -> Status { return not_found("no file"); });
  EXPECT_EQ(missing.to_string(), "NOT_FOUND: no file");
}

TEST(Guarded, TurnsExceptionsIntoStatuses) {
  const Status thrown = guarded("loading", StatusCode::kUnavailable, []() -> Status {
    throw std::runtime_error("Exception from a.cpp:1:\nno such plug-in");
  });
  EXPECT_EQ(thrown.to_string(), "UNAVAILABLE: loading: no such plug-in");
  const auto full =
      guarded("packing", StatusCode::kInternal, []() -> Result<int> { throw std::bad_alloc(); });
  EXPECT_EQ(full.status().to_string(), "RESOURCE_EXHAUSTED: packing: out of memory");
}

}  // namespace
}  // namespace accel::backend
