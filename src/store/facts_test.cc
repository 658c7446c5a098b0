#include "store/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "base/files.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FactsFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-facts-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    folder_ = root_ / "cache" / "facts";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::permissions(root_, fs::perms::owner_all, ignored);
    fs::remove_all(root_, ignored);
  }
  std::unique_ptr<Facts> open(size_t max_facts = 4096) const {
    return Facts::create({.folder = folder_, .max_facts = max_facts});
  }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path root_;
  fs::path folder_;
};

FactKey fact_of(const std::string& model) {
  return {.kind = "precision",
          .cpu = "Xeon 6/106",
          .engine = "openvino 2026.4.0",
          .model = model,
          .detail = "CPU"};
}

TEST_F(FactsFolder, RemembersAcrossProcessesAndReplaces) {
  {
    const auto facts = open();
    ASSERT_TRUE(facts->warning().ok()) << facts->warning().to_string();
    EXPECT_EQ(facts->get(fact_of("a")), std::nullopt);
    ASSERT_TRUE(facts->put(fact_of("a"), {{"best", "bf16"}, {"ratio", 1.9}}).ok());
    ASSERT_TRUE(facts->put(fact_of("b"), nullptr).ok());
  }
  const auto facts = open();
  EXPECT_EQ(facts->get(fact_of("a")), Json({{"best", "bf16"}, {"ratio", 1.9}}));
  EXPECT_EQ(facts->get(fact_of("b")), Json(nullptr));
  ASSERT_TRUE(facts->put(fact_of("a"), 7).ok());
  EXPECT_EQ(facts->get(fact_of("a")), Json(7));
  EXPECT_EQ(files(), 2u);
  EXPECT_EQ(fs::status(folder_).permissions() & fs::perms::all, fs::perms::owner_all);
}

TEST_F(FactsFolder, EveryFieldOfTheKeyCounts) {
  const auto facts = open();
  const FactKey key = fact_of("a");
  ASSERT_TRUE(facts->put(key, 1).ok());
  for (std::string FactKey::*member :
       {&FactKey::kind, &FactKey::cpu, &FactKey::engine, &FactKey::model, &FactKey::detail}) {
    FactKey other = key;
    other.*member += "x";
    EXPECT_NE(other.file_name(), key.file_name());
    EXPECT_EQ(facts->get(other), std::nullopt);
  }
  // The file says for a reader what it is about.
  const std::string text = *read_file(folder_ / key.file_name(), 1 << 16);
  EXPECT_THAT(text, HasSubstr("Xeon 6/106"));
  EXPECT_THAT(text, HasSubstr("openvino 2026.4.0"));
}

TEST_F(FactsFolder, EveryTruncationAndEveryFlippedBitIsAMissOrTheFact) {
  const auto facts = open();
  const FactKey key = fact_of("a");
  const Json value = {{"best", "bf16"}, {"ratio", 1.9}, {"runs", {1, 2, 3}}};
  ASSERT_TRUE(facts->put(key, value).ok());
  const fs::path path = folder_ / key.file_name();
  const std::string whole = *read_file(path, 1 << 16);
  const auto check = [&](const std::string& text, size_t at) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    const auto read = facts->get(key);
    EXPECT_TRUE(!read || *read == value) << "at byte " << at << ": " << text;
    return read.has_value();
  };
  size_t hits = 0;
  for (size_t size = 0; size + 2 < whole.size(); ++size) hits += check(whole.substr(0, size), size);
  EXPECT_EQ(hits, 0u);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 5}) {  // another digit or letter; another case
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
      hits += check(flipped, at);
    }
  }
  EXPECT_LT(hits, whole.size());  // changed blanks between the members harm nothing
  EXPECT_TRUE(check(whole, 0));
}

TEST_F(FactsFolder, ForeignFilesAreMissesAndNeverHang) {
  const auto facts = open();
  const FactKey key = fact_of("a");
  const fs::path path = folder_ / key.file_name();
  for (const char* text :
       {"", "null", "[]", "{}", "{\"accel_fact\":1}", "{\"accel_fact\":\"1\"}",
        "{\"accel_fact\":1,\"kind\":[],\"value\":1,\"checksum\":\"\"}", "\xff"}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    EXPECT_EQ(facts->get(key), std::nullopt) << text;
  }
  std::ofstream(path) << std::string(Facts::kMaxValueBytes * 4, '[');
  EXPECT_EQ(facts->get(key), std::nullopt);
  ASSERT_TRUE(facts->put(key, "mended").ok());
  EXPECT_EQ(facts->get(key), Json("mended"));

  // A whole fact under another fact's name.
  ASSERT_TRUE(facts->put(fact_of("b"), 2).ok());
  fs::copy_file(folder_ / fact_of("b").file_name(), path, fs::copy_options::overwrite_existing);
  EXPECT_EQ(facts->get(key), std::nullopt);

  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(facts->get(key), std::nullopt);
  fs::remove(path);
  fs::create_directories(path / "inside");
  EXPECT_EQ(facts->get(key), std::nullopt);
  EXPECT_FALSE(facts->put(key, 1).ok());
}

TEST_F(FactsFolder, ValuesThatJsonCannotCarryAreRefusedAndTheOldFactStays) {
  const auto facts = open();
  const FactKey key = fact_of("a");
  ASSERT_TRUE(facts->put(key, "old").ok());
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json::array({deep});
  for (const Json& value : {Json(std::nan("")), Json("\xff"), Json::binary({1, 2}), deep,
                            Json(std::string(Facts::kMaxValueBytes, 'x'))}) {
    EXPECT_EQ(facts->put(key, value).code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(facts->put(fact_of("\xff"), 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(facts->put(fact_of(std::string(1 << 20, 'k')), 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(facts->get(key), Json("old"));
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(facts->get(fact_of("\xff")), std::nullopt);
  for (const Json& value : {Json(0.1), Json(-0.0), Json(1e300), Json(INT64_MIN), Json(UINT64_MAX),
                            Json(""), Json("\u00e4\n\""), Json::object(), Json::array()}) {
    ASSERT_TRUE(facts->put(key, value).ok()) << value;
    EXPECT_EQ(facts->get(key), value);
  }
}

TEST_F(FactsFolder, AnUnusableFolderIsAWarningOnly) {
  std::ofstream(root_ / "file") << "x";
  for (const fs::path& folder : {root_ / "file", root_ / "file" / "below", fs::path(),
                                 fs::path("/proc/accel-facts"), root_ / std::string(300, 'n')}) {
    const auto facts = Facts::create({.folder = folder});
    EXPECT_FALSE(facts->warning().ok()) << folder;
    EXPECT_THAT(facts->warning().message(), HasSubstr("will not be remembered"));
    EXPECT_EQ(facts->get(fact_of("a")), std::nullopt);
    EXPECT_EQ(facts->put(fact_of("a"), 1).code(), facts->warning().code());
  }
}

TEST_F(FactsFolder, AFolderThatVanishesMeanwhile) {
  const auto facts = open();
  ASSERT_TRUE(facts->put(fact_of("a"), 1).ok());
  fs::remove_all(folder_);
  EXPECT_EQ(facts->get(fact_of("a")), std::nullopt);
  EXPECT_EQ(facts->put(fact_of("a"), 1).code(), StatusCode::kNotFound);
}

TEST_F(FactsFolder, TheOldestAreSweptAndStrangersLeftAlone) {
  const auto facts = open(5);
  std::ofstream(folder_ / "notes.txt") << "mine";
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(facts->put(fact_of(std::to_string(i)), i).ok());
    fs::last_write_time(folder_ / fact_of(std::to_string(i)).file_name(),
                        now - std::chrono::minutes(100 - i));
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(facts->get(fact_of(std::to_string(i))).has_value(), i >= 3) << i;
  }
  EXPECT_TRUE(fs::exists(folder_ / "notes.txt"));
  EXPECT_EQ(files(), 6u);
}

TEST_F(FactsFolder, WhatAKilledWriterLeftIsSweptAfterAnHour) {
  const auto facts = open();
  std::ofstream(folder_ / "staging-old") << "half";
  std::ofstream(folder_ / "staging-new") << "half";
  fs::last_write_time(folder_ / "staging-old",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(facts->put(fact_of("a"), 1).ok());
  EXPECT_FALSE(fs::exists(folder_ / "staging-old"));
  EXPECT_TRUE(fs::exists(folder_ / "staging-new"));
}

TEST_F(FactsFolder, ThreadsOfOneProcess) {
  const auto facts = open();
  const auto other = open();
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> bad = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Facts& mine = t % 2 == 0 ? *facts : *other;
      for (int i = 0; i < 25; ++i) {
        const Json value = {{"thread", t}, {"pad", std::string(t % 2 == 0 ? 200 : 350, 'x')}};
        if (!mine.put(fact_of("shared"), value).ok()) ++bad;
        if (!mine.get(fact_of("shared"))) ++bad;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(files(), 1u);
}

// What process number `process` writes.
std::string pad_of(int process) {
  const auto number = static_cast<size_t>(process);
  return std::string(100 + 3000 * number, static_cast<char>('a' + process));
}

// One process of the test below: writes and reads three facts that all processes share. Returns 0
// when every read gave a whole value of some process.
int write_and_read(const fs::path& folder, int process) {
  const auto facts = Facts::create({.folder = folder});
  if (!facts->warning().ok()) return 2;
  for (int i = 0; i < 40; ++i) {
    const FactKey key = fact_of(std::to_string(i % 3));
    const Json value = {{"process", process}, {"pad", pad_of(process)}};
    if (!facts->put(key, value).ok()) return 3;
    const auto read = facts->get(key);
    if (!read) return 4;  // a torn file would be a miss
    if (read->at("pad") != pad_of(read->at("process").get<int>())) return 5;
  }
  return 0;
}

TEST_F(FactsFolder, EightProcessesAtOnceNeverSeeATornFact) {
  std::vector<pid_t> children;
  for (int process = 0; process < 8; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(write_and_read(folder_, process));
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_EQ(files(), 3u);
}

TEST_F(FactsFolder, AKilledWriterLeavesTheOldOrTheNewFact) {
  const auto facts = open();
  ASSERT_TRUE(facts->put(fact_of("0"), {{"process", 0}, {"pad", std::string(100, 'a')}}).ok());
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0; i < 1000; ++i) (void)write_and_read(folder_, 1);
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(facts->get(fact_of("0")).has_value());
  }
}

TEST_F(FactsFolder, CacheFolderByTheEnvironment) {
  std::map<std::string, std::string> variables;
  const auto cache_dir = [&variables] {
    return cache_dir_from([&variables](const char* name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  };
  variables["TMPDIR"] = root_.string();
  const fs::path temporary = root_ / ("accel-cache-" + std::to_string(::geteuid()));
  EXPECT_EQ(*cache_dir(), temporary);
  EXPECT_EQ(*cache_dir(), temporary);  // made the first time, accepted the second
  EXPECT_EQ(fs::status(temporary).permissions() & fs::perms::all, fs::perms::owner_all);
  variables["HOME"] = "/home/me";
  EXPECT_EQ(*cache_dir(), fs::path("/home/me/.cache/accel"));
  variables["XDG_CACHE_HOME"] = "relative";
  EXPECT_EQ(*cache_dir(), fs::path("/home/me/.cache/accel"));
  variables["XDG_CACHE_HOME"] = "/xdg";
  EXPECT_EQ(*cache_dir(), fs::path("/xdg/accel"));
  variables["ACCEL_CACHE_DIR"] = "";
  EXPECT_EQ(*cache_dir(), fs::path("/xdg/accel"));
  variables["ACCEL_CACHE_DIR"] = "here";
  EXPECT_EQ(*cache_dir(), fs::current_path() / "here");
  variables["ACCEL_CACHE_DIR"] = "/own";
  EXPECT_EQ(*cache_dir(), fs::path("/own"));
  EXPECT_TRUE(default_cache_dir().ok());
}

TEST_F(FactsFolder, SomebodyElsesTemporaryFolderIsRefused) {
  const auto cache_dir = [this] {
    return cache_dir_from([this](const char* name) -> const char* {
      return std::string_view(name) == "TMPDIR" ? root_.c_str() : nullptr;
    });
  };
  const fs::path folder = root_ / ("accel-cache-" + std::to_string(::geteuid()));
  fs::create_directories(root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", folder);
  EXPECT_EQ(cache_dir().status().code(), StatusCode::kPermissionDenied);
  fs::remove(folder);
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::all);
  EXPECT_EQ(cache_dir().status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(cache_dir().status().message(), HasSubstr("ACCEL_CACHE_DIR"));
}

}  // namespace
}  // namespace accel::store
