#include "cli/progress.h"

#include <gtest/gtest.h>

namespace accel::cli {
namespace {

TEST(ProgressLine, WithASize) {
  EXPECT_EQ(progress_line({1234, 0.5, 2.0}, 60),
            "[==========>          ]  50%  1,234 texts  617/s  0:02 left");
  EXPECT_EQ(progress_line({10, 1.0, 1.0}, 45), "[==========] 100%  10 texts  10/s  0:00 left");
  EXPECT_EQ(progress_line({10, 1.0 / 3601, 1.0}, 30), "  0%  10 texts  10/s  1:00:00 ");
}

TEST(ProgressLine, WithoutOne) {
  EXPECT_EQ(progress_line({0, std::nullopt, 0}, 80), "0 texts");
  EXPECT_EQ(progress_line({5000, std::nullopt, 2.5}, 80), "5,000 texts  2000/s");
  EXPECT_EQ(progress_line({3 << 20, std::nullopt, 2, ProgressUnit::kBytes}, 80),
            "3.0 MiB  1.5 MiB/s");
  EXPECT_EQ(progress_line({5000, 0.0, 2.5}, 24), "  0%  5,000 texts  2000/");
}

TEST(Progress, SilentWithoutATerminal) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress(true);
    if (progress.shown()) GTEST_SKIP() << "standard error is a terminal";
    progress.update(5, 0.5);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace accel::cli
