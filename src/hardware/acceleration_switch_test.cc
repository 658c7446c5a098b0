#include "hardware/acceleration_switch.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace accel::hardware {
namespace {

// row 214 (partial: how the variable is read)
TEST(AccelerationSwitch, OffInEverySpellingOfTheDocument) {
  for (const char* off : {"0", "false", "no", "disabled", "off", "False", "NO", " 0\n"}) {
    const AccelerationSwitch found = parse_acceleration_switch(off);
    EXPECT_FALSE(found.enabled) << off;
    EXPECT_EQ(found.value, off);
    EXPECT_TRUE(found.remark.empty()) << off;
  }
  EXPECT_EQ(parse_acceleration_switch("0").assignment(), "IPFS_ACCELERATE_ENABLED=0");
}

TEST(AccelerationSwitch, OnOtherwiseAndSaysWhatItDidNotUnderstand) {
  for (const char* on : {"1", "true", "Yes", "on", "enabled", ""}) {
    EXPECT_TRUE(parse_acceleration_switch(on).enabled) << on;
    EXPECT_TRUE(parse_acceleration_switch(on).remark.empty()) << on;
  }
  EXPECT_TRUE(parse_acceleration_switch(std::nullopt).enabled);
  EXPECT_FALSE(parse_acceleration_switch(std::nullopt).value.has_value());
  const AccelerationSwitch odd = parse_acceleration_switch("perhaps");
  EXPECT_TRUE(odd.enabled);
  EXPECT_NE(odd.remark.find("expected 0 or 1"), std::string::npos);
}

TEST(AccelerationSwitch, IsReadAnewEachTime) {
  ASSERT_EQ(::setenv(kSwitchVariable, "0", 1), 0);
  EXPECT_FALSE(read_acceleration_switch().enabled);
  ASSERT_EQ(::setenv(kSwitchVariable, "1", 1), 0);
  EXPECT_TRUE(read_acceleration_switch().enabled);
  ASSERT_EQ(::unsetenv(kSwitchVariable), 0);
  EXPECT_TRUE(read_acceleration_switch().enabled);
}

}  // namespace
}  // namespace accel::hardware
