#include "base/suggestion.h"

#include <gtest/gtest.h>

#include <array>

namespace accel {
namespace {

constexpr std::array<std::string_view, 3> kNames{"embed", "devices", "doctor"};

TEST(Suggestion, TheNearestName) {
  EXPECT_EQ(nearest("emebd", kNames), "embed");
  EXPECT_EQ(nearest("device", kNames), "devices");
  EXPECT_EQ(nearest("embed", kNames), "embed");
  EXPECT_EQ(nearest("xyz", kNames), std::nullopt);
  EXPECT_EQ(nearest("", kNames), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'e'), kNames), std::nullopt);
  EXPECT_EQ(did_you_mean("docter", kNames), "; did you mean doctor?");
  EXPECT_EQ(did_you_mean("serve", kNames), "");
}

}  // namespace
}  // namespace accel
