#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace accel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LogLevel level_in(const LogLevels& levels, LogPart part) {
  return levels[static_cast<size_t>(part)];
}

TEST(LogLevels, AreReadByNameOrForAll) {
  for (const char* text : {"accel.cache=debug", "cache=debug", " accel=info, accel.cache=debug",
                           "accel.cache=debug,info", "accel.cache=error,cache=debug"}) {
    const auto levels = parse_log_levels(text);
    ASSERT_TRUE(levels.ok()) << text;
    EXPECT_EQ(level_in(*levels, LogPart::kCache), LogLevel::kDebug) << text;
    EXPECT_EQ(level_in(*levels, LogPart::kEngine), LogLevel::kInfo) << text;
  }
  for (const char* text : {"debug", "accel=debug", "info, debug"}) {
    EXPECT_EQ(level_in(*parse_log_levels(text), LogPart::kEngine), LogLevel::kDebug) << text;
  }
  EXPECT_EQ(level_in(*parse_log_levels("debug,fallback=off"), LogPart::kFallback), LogLevel::kOff);
  EXPECT_EQ(level_in(*parse_log_levels(""), LogPart::kBackend), LogLevel::kInfo);
}

TEST(LogLevels, OthersAreRefused) {
  EXPECT_THAT(parse_log_levels("accel.engine=loud").status().message(),
              HasSubstr("debug, info, warning, error, off, found 'loud'"));
  EXPECT_THAT(parse_log_levels("gpu=debug").status().message(), HasSubstr("accel.engine"));
  EXPECT_THAT(parse_log_levels("cashe=debug").status().message(), HasSubstr("found 'cashe'"));
  EXPECT_FALSE(Log::create({.sink = nullptr, .levels = "accel.engine="}).ok());
}

TEST(Log, SaysWhatItsLevelsLetThrough) {
  std::vector<std::string> said;
  const auto log =
      Log::create({.sink =
                       [&](const LogLine& line) {
                         said.push_back(std::string(to_string(line.level)) + " " +
                                        std::string(line.name) + " " + std::string(line.text));
                       },
                   .levels = "warning,accel.cache=debug,converter=off"});
  ASSERT_TRUE(log.ok());
  (*log)->write(LogLevel::kDebug, LogPart::kCache, "found");
  (*log)->write(LogLevel::kInfo, LogPart::kEngine, "loaded");
  (*log)->write(LogLevel::kWarning, LogPart::kFallback, "another");
  (*log)->write(LogLevel::kError, LogPart::kConverter, "broken");
  EXPECT_THAT(said, ElementsAre("debug accel.cache found", "warning accel.fallback another"));
}

TEST(Log, OutlivesASinkThatThrowsAndNone) {
  const auto log = Log::create({.sink = [](const LogLine&) { throw std::runtime_error("full"); }});
  (*log)->write(LogLevel::kError, LogPart::kEngine, "text");
  Log::silent()->write(LogLevel::kError, LogPart::kEngine, "text");
  EXPECT_FALSE(Log::silent()->says(LogLevel::kError, LogPart::kEngine));
}

}  // namespace
}  // namespace accel
