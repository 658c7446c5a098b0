#include "store/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "store/scratch_folder.h"

namespace accel::store {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST(FileLock, ExcludesOthersAndLeavesNothing) {
  const ScratchFolder folder;
  const fs::path path = folder / "lock";
  {
    const auto held = FileLock::acquire(path, 0ms);
    ASSERT_TRUE(held.ok()) << held.status().to_string();
    EXPECT_TRUE(fs::exists(path));
    EXPECT_EQ(FileLock::acquire(path, 0ms).status().code(), StatusCode::kDeadlineExceeded);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(FileLock::acquire(path, 60ms).status().code(), StatusCode::kDeadlineExceeded);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 60ms);
    EXPECT_FALSE(FileLock::remove_abandoned(path));
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(FileLock::acquire(path, 0ms).ok());
}

TEST(FileLock, IsFreeWhenItsHolderIsKilled) {
  const ScratchFolder folder;
  const fs::path path = folder / "lock";
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FileLock::acquire(path, 0ms);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(FileLock::acquire(path, 0ms).ok());
  write_text(path, "");
  EXPECT_TRUE(FileLock::remove_abandoned(path));
  EXPECT_FALSE(FileLock::remove_abandoned(path));
}

TEST(FileLock, OneAtATime) {
  const ScratchFolder folder;
  const fs::path path = folder / "lock";
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> rounds = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          const auto held = FileLock::acquire(path, 60s);
          if (!held.ok()) return;
          most = std::max(most.load(), ++inside);
          std::this_thread::yield();
          --inside;
          ++rounds;
        }
      });
    }
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(rounds, 200);
  EXPECT_FALSE(fs::exists(path));
}

TEST(FileLock, PublishesWhatWasWritten) {
  const ScratchFolder folder;
  write_text(folder / "target", "old");
  {
    const auto staged = FileLock::acquire(folder / "staged", 0ms);
    ASSERT_TRUE(staged.ok());
    ASSERT_EQ(::write((*staged)->fd(), "new", 3), 3);
    EXPECT_EQ(read_text(folder / "target"), "old");
    ASSERT_TRUE((*staged)->publish(folder / "target").ok());
  }
  EXPECT_EQ(read_text(folder / "target"), "new");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(FileLock, ReasonsAreTold) {
  const ScratchFolder folder;
  EXPECT_EQ(FileLock::acquire(folder / "none/lock", 0ms).status().code(), StatusCode::kNotFound);
  fs::create_symlink(folder / "elsewhere", folder / "link");
  EXPECT_FALSE(FileLock::acquire(folder / "link", 0ms).ok());
  EXPECT_FALSE(fs::exists(folder / "elsewhere"));
}

}  // namespace
}  // namespace accel::store
