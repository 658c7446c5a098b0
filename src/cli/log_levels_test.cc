#include "cli/log_levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

TEST(LogLevels, AreReadByNameOrForAll) {
  for (const char* text : {"accel.engine=debug", "debug", "accel=debug", "info, debug"}) {
    const auto levels = parse_log_levels(text);
    ASSERT_TRUE(levels.ok()) << text;
    EXPECT_EQ(levels->at("accel.engine"), LogLevel::kDebug) << text;
  }
  EXPECT_TRUE(parse_log_levels("")->empty());
  EXPECT_EQ(parse_log_levels("debug,accel.engine=info")->at("accel.engine"), LogLevel::kInfo);
}

TEST(LogLevels, OthersAreRefused) {
  EXPECT_THAT(parse_log_levels("accel.engine=loud").status().message(),
              ::testing::HasSubstr("debug, info"));
  EXPECT_THAT(parse_log_levels("gpu=debug").status().message(),
              ::testing::HasSubstr("accel.engine"));
}

}  // namespace
}  // namespace accel::cli
