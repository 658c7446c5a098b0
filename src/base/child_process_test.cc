#include "base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace accel {
namespace {

TEST(RunProgram, TellsHowItEndedAndWhatItSaid) {
  const auto fine = run_program({"printf", "%s", "a $HOME; b"});
  ASSERT_TRUE(fine.ok()) << fine.status().message();
  EXPECT_EQ(fine->exit_code, 0);
  EXPECT_EQ(fine->output, "a $HOME; b") << "no shell took part";
  const auto failed = run_program({"sh", "-c", "cat; echo out; echo err >&2; exit 7"});
  EXPECT_EQ(failed->exit_code, 7);
  EXPECT_EQ(failed->output, "out\nerr\n");
  const auto killed = run_program({"sh", "-c", "kill -9 $$"});
  EXPECT_EQ(killed->signal, SIGKILL);
}

TEST(RunProgram, KeepsTheEndOfALongOutput) {
  const auto end = run_program({"sh", "-c", "yes | head -c 1000000; echo last"});
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->output.size(), 2000U);
  EXPECT_TRUE(end->output.ends_with("last\n"));
}

TEST(RunProgram, SaysThatAProgramIsNotThere) {
  const auto missing = run_program({"accel-no-such-program"});
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), ::testing::HasSubstr("accel-no-such-program"));
  EXPECT_EQ(run_program({}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace accel
