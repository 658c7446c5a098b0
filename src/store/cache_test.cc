#include "store/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "store/scratch_folder.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CacheKey key_of(const std::string& model) {
  CacheKey key{.kind = "compiled", .parts = {}};
  return key.add("model", model).add("precision", "bf16");
}

Cache::Writer writing(const std::string& text) {
  return [text](std::ostream& out) {
    out << text;
    return Status();
  };
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class CacheFolder : public ::testing::Test {
 protected:
  std::unique_ptr<Cache> open(uint64_t bytes_max = 1 << 30) {
    return Cache::create({.folder = folder_, .bytes_max = bytes_max, .now_ns = [this] {
                            return now_ns_ += 1'000'000'000;
                          }});
  }
  // The payload, or nothing for a miss.
  static std::optional<std::string> get(const Cache& cache, const CacheKey& key) {
    const CacheLookup found = cache.lookup(key);
    if (!found.entry) return std::nullopt;
    return text_of(found.entry->payload);
  }
  std::vector<std::string> labels(const Cache& cache) {
    std::vector<std::string> labels;
    for (const EntryInfo& entry : cache.list()) labels.push_back(entry.label);
    return labels;
  }

  const ScratchFolder root_;
  const fs::path folder_ = root_ / "cache";
  int64_t now_ns_ = 1'700'000'000'000'000'000;
};

TEST_F(CacheFolder, GivesBackWhatWasStored) {
  {
    const auto cache = open();
    ASSERT_TRUE(cache->warning().ok()) << cache->warning().to_string();
    const CacheLookup missed = cache->lookup(key_of("a"));
    EXPECT_FALSE(missed.entry);
    EXPECT_TRUE(missed.warning.ok());
    ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = "n"}, writing("payload")).ok());
  }
  const auto cache = open();
  EXPECT_EQ(cache->identity(key_of("b")), std::nullopt);
  const auto identity = cache->identity(key_of("a"));
  ASSERT_TRUE(identity);
  const CacheLookup found = cache->lookup(key_of("a"));
  ASSERT_TRUE(found.entry);
  EXPECT_EQ(cache->identity(key_of("a")), identity);
  EXPECT_EQ(text_of(found.entry->payload), "payload");
  EXPECT_EQ(found.entry->note, "n");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(found.entry->payload.data()) % 4096, 0);
  EXPECT_LT(found.lookup_ms, 5);
  EXPECT_EQ(files_in(folder_), 1);
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = ""}, writing("other")).ok());
  EXPECT_EQ(text_of(found.entry->payload), "payload");  // whoever has it keeps it
  EXPECT_EQ(get(*cache, key_of("a")), "other");
  EXPECT_NE(cache->identity(key_of("a")), identity);
  EXPECT_EQ(fs::status(folder_).permissions() & fs::perms::all, fs::perms::owner_all);
}

// row 100 (partial: the parts that an engine adds are in graph_cache_test.cc)
TEST_F(CacheFolder, AnyOtherPartIsAMiss) {
  const auto cache = open();
  const CacheKey key = key_of("a");
  ASSERT_TRUE(cache->store(key, {.label = "A", .note = ""}, writing("payload")).ok());
  CacheKey other = key;
  other.kind = "graph";
  EXPECT_EQ(get(*cache, other), std::nullopt);
  for (size_t i = 0; i < key.parts.size(); ++i) {
    other = key;
    other.parts[i].second += "x";
    EXPECT_EQ(get(*cache, other), std::nullopt);
    EXPECT_THAT(cache->changed_parts(other, "A"), ElementsAre(key.parts[i].first));
  }
  EXPECT_THAT(cache->changed_parts(other, "B"), IsEmpty());
  EXPECT_EQ(get(*cache, key), "payload");
}

TEST_F(CacheFolder, AFlippedBitAnywhereAndEveryTruncationIsAMissWithAWarning) {
  const auto cache = open();
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = ""}, writing("payload")).ok());
  const fs::path path = cache->path_of(key_of("a").digest());
  const std::string whole = read_text(path);
  const auto missed = [&](const std::string& text) {
    write_text(path, text);
    const CacheLookup found = cache->lookup(key_of("a"));
    return !found.entry && !found.warning.ok() &&
           found.warning.message().find(path.string()) != std::string::npos;
  };
  for (size_t at = 0; at < whole.size(); at += at < 600 || at + 16 > whole.size() ? 1 : 97) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    ASSERT_TRUE(missed(changed)) << at;
  }
  for (const size_t size :
       {size_t{0}, size_t{87}, size_t{300}, whole.size() - 8, whole.size() - 1}) {
    ASSERT_TRUE(missed(whole.substr(0, size))) << size;
  }
  EXPECT_TRUE(missed(whole + "x"));
  EXPECT_THAT(cache->verify()[0].status.code(), StatusCode::kDataLoss);
  // It is made again in its place.
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = ""}, writing("new")).ok());
  EXPECT_EQ(get(*cache, key_of("a")), "new");
}

TEST_F(CacheFolder, AnEntryUnderAnotherNameIsAMiss) {
  const auto cache = open();
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = ""}, writing("payload")).ok());
  fs::copy(cache->path_of(key_of("a").digest()), cache->path_of(key_of("b").digest()));
  const CacheLookup found = cache->lookup(key_of("b"));
  EXPECT_FALSE(found.entry);
  EXPECT_THAT(found.warning.message(), HasSubstr("another key"));
}

TEST_F(CacheFolder, ForeignFilesAreMissesAndNamed) {
  const auto cache = open();
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "A", .note = ""}, writing("payload")).ok());
  write_text(folder_ / "README", "not ours");
  fs::create_directory(cache->path_of(key_of("folder").digest()));
  ASSERT_EQ(::mkfifo(cache->path_of(key_of("pipe").digest()).c_str(), 0600), 0);
  EXPECT_FALSE(cache->lookup(key_of("folder")).entry);
  EXPECT_FALSE(cache->lookup(key_of("pipe")).entry);  // and does not wait
  EXPECT_THAT(labels(*cache), ElementsAre("A"));
  size_t fine = 0;
  for (const VerifiedFile& file : cache->verify()) fine += file.status.ok() ? 1 : 0;
  EXPECT_EQ(cache->verify().size(), 4);
  EXPECT_EQ(fine, 1);
  cache->prune(0);
  EXPECT_TRUE(fs::exists(folder_ / "README"));
}

// row 201 (partial: the command is in tests/journey)
TEST_F(CacheFolder, IsListedAndFound) {
  const auto cache = open();
  for (const std::string name : {"a", "b", "c"}) {
    ASSERT_TRUE(cache->store(key_of(name), {.label = name, .note = ""}, writing(name + name)).ok());
  }
  EXPECT_THAT(labels(*cache), ElementsAre("c", "b", "a"));
  ASSERT_TRUE(get(*cache, key_of("a")));
  EXPECT_THAT(labels(*cache), ElementsAre("a", "c", "b"));
  const EntryInfo first = cache->list().front();
  EXPECT_EQ(first.key, key_of("a"));
  EXPECT_EQ(first.bytes, fs::file_size(cache->path_of(first.digest)));
  EXPECT_LT(first.made_s, first.used_s);
  EXPECT_EQ(cache->find(first.digest.substr(0, 12))->label, "a");
  EXPECT_EQ(cache->find("x").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(cache->find("").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(CacheFolder, WhatWasNotUsedForLongestGoesFirst) {
  const std::string payload(10'000, 'x');
  const uint64_t each = 4096 + payload.size();
  const auto cache = open(3 * each);
  const auto store = [&](const std::string& name) {
    ASSERT_TRUE(cache->store(key_of(name), {.label = name, .note = ""}, writing(payload)).ok());
  };
  store("a");
  store("b");
  store("c");
  EXPECT_THAT(labels(*cache), ElementsAre("c", "b", "a"));
  ASSERT_TRUE(get(*cache, key_of("a")));
  store("d");
  EXPECT_THAT(labels(*cache), ElementsAre("d", "a", "c"));
  store("e");
  EXPECT_THAT(labels(*cache), ElementsAre("e", "d", "a"));
  const PruneReport report = cache->prune(each + 1);
  EXPECT_EQ(report.entries, 2);
  EXPECT_EQ(report.bytes, 2 * each);
  EXPECT_THAT(labels(*cache), ElementsAre("e"));
  EXPECT_EQ(cache->prune(0).entries, 1);
  EXPECT_EQ(files_in(folder_), 0);
}

TEST_F(CacheFolder, AnEntryLargerThanTheBoundIsNotStored) {
  const auto cache = open(20'000);
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "a", .note = ""}, writing("small")).ok());
  const Status status =
      cache->store(key_of("b"), {.label = "b", .note = ""}, writing(std::string(20'000, 'x')));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(labels(*cache), ElementsAre("a"));
  EXPECT_EQ(files_in(folder_), 1);
}

TEST_F(CacheFolder, AWriterThatFailsLeavesWhatWasThere) {
  const auto cache = open();
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "a", .note = ""}, writing("old")).ok());
  const Status status =
      cache->store(key_of("a"), {.label = "a", .note = ""}, [](std::ostream& out) {
        out << "half of it";
        return unimplemented("cannot be written");
      });
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(get(*cache, key_of("a")), "old");
  EXPECT_EQ(files_in(folder_), 1);
}

// Runs `body` in a process of its own, which ends with the number of failed expectations.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_F(CacheFolder, AFullDiskIsToldAndHarmsNothing) {
  const auto cache = open();
  ASSERT_TRUE(cache->store(key_of("a"), {.label = "a", .note = ""}, writing("old")).ok());
  const int failed = in_child([&] {
    // The largest file that is allowed stands for the space that is left.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 50'000, .rlim_max = 50'000};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const Status status =
        cache->store(key_of("b"), {.label = "b", .note = ""}, writing(std::string(100'000, 'x')));
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.to_string();
    EXPECT_EQ(files_in(folder_), 1);
    EXPECT_EQ(get(*cache, key_of("a")), "old");
    EXPECT_TRUE(cache->store(key_of("c"), {.label = "c", .note = ""}, writing("small")).ok());
  });
  EXPECT_EQ(failed, 0);
}

TEST_F(CacheFolder, AReadOnlyFolderIsReadAndTold) {
  ASSERT_TRUE(open()->store(key_of("a"), {.label = "a", .note = ""}, writing("old")).ok());
  fs::permissions(root_.path(), fs::perms(0755));
  fs::permissions(open()->path_of(key_of("a").digest()), fs::perms(0644));
  fs::permissions(folder_, fs::perms(0555));
  const int failed = in_child([&] {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0) {  // to whom no folder is read-only
      ASSERT_EQ(::setresuid(kNobody, kNobody, kNobody), 0);
    }
    const auto cache = open();
    EXPECT_EQ(cache->warning().code(), StatusCode::kPermissionDenied);
    EXPECT_EQ(get(*cache, key_of("a")), "old");
    const Status status = cache->store(key_of("b"), {.label = "b", .note = ""}, writing("new"));
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status.to_string();
    EXPECT_FALSE(cache->lock(key_of("b"), std::chrono::milliseconds(0)).ok());
    EXPECT_EQ(cache->prune(0).entries, 0);
  });
  fs::permissions(folder_, fs::perms::owner_all);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(get(*open(), key_of("a")), "old");
}

TEST_F(CacheFolder, AFolderThatCannotBeMadeIsTold) {
  write_text(folder_, "a file");
  const auto cache = open();
  EXPECT_FALSE(cache->warning().ok());
  EXPECT_FALSE(cache->lookup(key_of("a")).entry);
  EXPECT_TRUE(cache->lookup(key_of("a")).warning.ok());
  EXPECT_FALSE(cache->store(key_of("a"), {.label = "a", .note = ""}, writing("x")).ok());
  EXPECT_THAT(cache->list(), IsEmpty());
}

TEST_F(CacheFolder, ThreadsMayStoreAndReadAtOnce) {
  const auto cache = Cache::create({.folder = folder_, .bytes_max = 40'000});
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 30; ++i) {
          const std::string name(1, static_cast<char>('a' + (t + i) % 5));
          const std::string payload(5'000, name[0]);
          if (!cache->store(key_of(name), {.label = name, .note = ""}, writing(payload)).ok()) {
            ++wrong;
          }
          const CacheLookup found = cache->lookup(key_of(name));
          if (!found.warning.ok()) ++wrong;
          if (found.entry && text_of(found.entry->payload) != payload) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(CacheOptions, ComeFromTheEnvironment) {
  const auto options = [](const char* size) {
    return cache_options_from("/cache", [size](const char* name) {
      return std::strcmp(name, "ACCEL_CACHE_MAX_SIZE") == 0 ? size : nullptr;
    });
  };
  EXPECT_EQ(options(nullptr)->bytes_max, uint64_t{10} << 30);
  EXPECT_EQ(options("")->bytes_max, uint64_t{10} << 30);
  EXPECT_EQ(options("500M")->bytes_max, uint64_t{500} << 20);
  EXPECT_EQ(options("20G")->folder, fs::path("/cache/entries"));
  EXPECT_THAT(options("much").status().message(), HasSubstr("ACCEL_CACHE_MAX_SIZE"));
}

}  // namespace
}  // namespace accel::store
