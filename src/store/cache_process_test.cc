// Several processes on one cache, and processes that are killed while they write.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>
#include <vector>

#include "store/cache.h"
#include "store/scratch_folder.h"

namespace accel::store {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr unsigned kLongestLife = 60;  // seconds, of a child whose parent has gone

CacheKey key() { return {.kind = "compiled", .parts = {{"model", "a"}}}; }

// A payload that tells whether it is whole.
std::string payload_of(char letter) { return std::string(200'000, letter); }

bool is_whole(std::span<const std::byte> payload) {
  return payload.size() == 200'000 &&
         std::ranges::all_of(payload, [&](std::byte byte) { return byte == payload[0]; });
}

Status store(Cache& cache, char letter) {
  return cache.store(key(), {.label = "a", .note = ""}, [&](std::ostream& out) {
    const std::string payload = payload_of(letter);
    for (size_t at = 0; at < payload.size(); at += 20'000) {
      out.write(payload.data() + at, 20'000).flush();
    }
    return Status();
  });
}

[[noreturn]] void write_for_ever(const fs::path& folder) {
  ::alarm(kLongestLife);
  const auto cache = Cache::create({.folder = folder});
  for (char letter = 'a';; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
    const auto lock = cache->lock(key(), 10s);
    if (!lock.ok() || !store(*cache, letter).ok()) ::_exit(1);
  }
}

TEST(CacheProcesses, KilledWritersLeaveNoWrongEntryAndNoStuckLock) {
  const ScratchFolder folder;
  const auto cache = Cache::create({.folder = folder.path()});
  std::mt19937 random(1);
  std::uniform_int_distribution<int> moment_us(0, 12'000);
  int hits = 0;
  int left_staging = 0;
  for (int run = 0; run < 200; ++run) {
    const pid_t child = ::fork();
    if (child == 0) write_for_ever(folder.path());
    std::this_thread::sleep_for(std::chrono::microseconds(moment_us(random)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "a writer failed by itself";
    const CacheLookup found = cache->lookup(key());
    ASSERT_TRUE(found.warning.ok()) << found.warning.to_string();
    if (found.entry) {
      ASSERT_TRUE(is_whole(found.entry->payload)) << run;
      ++hits;
    }
    for (const auto& file : fs::directory_iterator(folder.path())) {
      left_staging += file.path().extension() == ".staging" ? 1 : 0;
    }
    ASSERT_TRUE(cache->lock(key(), 1s).ok()) << run;
    if (run % 10 == 9) cache->prune(0);
  }
  // The moments were such that writers were killed before, in and after writing.
  EXPECT_GT(hits, 10);
  EXPECT_GT(left_staging, 10);
  ASSERT_TRUE(store(*cache, 'z').ok());
  EXPECT_EQ(files_in(folder.path()), 1) << "the dead writers' files are still there";
}

// What a process does that wants the entry; true when its answer is the right one.
bool make_or_find(const fs::path& folder, int made_fd) {
  const auto cache = Cache::create({.folder = folder});
  const auto right = [&](const CacheLookup& found) {
    return found.entry && is_whole(found.entry->payload) &&
           found.entry->payload[0] == std::byte{'m'};
  };
  CacheLookup found = cache->lookup(key());
  if (found.entry) return right(found);
  const auto lock = cache->lock(key(), 30s);
  if (!lock.ok()) return false;
  found = cache->lookup(key());
  if (found.entry) return right(found);
  std::this_thread::sleep_for(100ms);  // making takes its time
  if (::write(made_fd, "x", 1) != 1) return false;
  return store(*cache, 'm').ok();
}

TEST(CacheProcesses, OfEightThatStartAtOnceOneMakesIt) {
  const ScratchFolder folder;
  const fs::path made = folder / "made";
  const int made_fd = ::open(made.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(made_fd, 0);
  int start[2];
  ASSERT_EQ(::pipe(start), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(kLongestLife);
      ::close(start[1]);
      char byte = 0;
      (void)!::read(start[0], &byte, 1);  // until all are there
      ::_exit(make_or_find(folder / "cache", made_fd) ? 0 : 1);
    }
    children.push_back(child);
  }
  ::close(start[1]);
  ::close(start[0]);
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  ::close(made_fd);
  EXPECT_EQ(read_text(made), "x");
  EXPECT_EQ(files_in(folder / "cache"), 1);
}

TEST(CacheProcesses, WhoeverWaitsTooLongGoesOnWithoutTheLock) {
  const ScratchFolder folder;
  const auto cache = Cache::create({.folder = folder.path()});
  const auto held = cache->lock(key(), 0ms);
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(cache->lock(key(), 20ms).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(store(*cache, 'x').ok());
  EXPECT_TRUE(cache->lookup(key()).entry);
}

}  // namespace
}  // namespace accel::store
