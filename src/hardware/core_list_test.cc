#include "hardware/core_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::hardware {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CoreList, IsReadAndWrittenAsLinuxDoes) {
  EXPECT_THAT(parse_core_list("0"), ElementsAre(0));
  EXPECT_THAT(parse_core_list("8,0-2"), ElementsAre(0, 1, 2, 8));
  for (const char* text : {"0", "0-2,8", "0-1,3-4,1023"}) {
    EXPECT_EQ(core_list_text(parse_core_list(text)), text);
  }
  for (const char* text : {"", "-", "1-0", "0,0", "0-2,1", "1024", "-1", "0,", "0-", "a", "0 "}) {
    EXPECT_THAT(parse_core_list(text), IsEmpty()) << text;
  }
}

TEST(CoreList, ThisProcessHasAtLeastOne) {
  const std::vector<int> allowed = allowed_cores();
  ASSERT_FALSE(allowed.empty());
  EXPECT_TRUE(check_cores(allowed, allowed).ok());
}

TEST(CoreList, WhatIsNotAllowedIsNamedWithWhatIs) {
  const std::vector<int> wanted{1, 2, 3};
  const std::vector<int> allowed{0, 1};
  const Status status = check_cores(wanted, allowed);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("CPU 2-3 is not there"));
  EXPECT_THAT(status.message(), HasSubstr("it has 0-1"));
}

}  // namespace
}  // namespace accel::hardware
