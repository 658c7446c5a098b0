#include "server/keys/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"

namespace accel::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KeyFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-keys-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "sub" / "keys.yaml";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(std::string_view text) const {
    fs::create_directories(path_.parent_path());
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), 0600);
  }
  std::string text() const { return *read_file(path_, 1 << 20); }
  size_t mode() const {
    struct stat info {};
    ::stat(path_.c_str(), &info);
    return info.st_mode & 0777;
  }
  static Key key_named(std::string name, char digit) {
    return {.name = std::move(name), .hash = std::string(64, digit)};
  }

  fs::path folder_;
  fs::path path_;
};

TEST_F(KeyFileTest, KeysAreAddedListedAndRevoked) {
  ASSERT_TRUE(add_key(path_, key_named("a", '1')).ok());
  EXPECT_EQ(mode(), 0600);
  ASSERT_TRUE(add_key(path_, key_named("b", '2')).ok());
  const auto table = read_key_file(path_);
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  ASSERT_EQ(table->keys().size(), 2);
  EXPECT_EQ(table->keys()[1].name, "b");
  EXPECT_EQ(revoke_keys(path_, "a").value(), 1);
  EXPECT_EQ(read_key_file(path_)->keys().size(), 1);
  EXPECT_EQ(revoke_keys(path_, "a").status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
}

TEST_F(KeyFileTest, ALinkStaysALink) {
  write("keys:\n");
  const fs::path link = folder_ / "link";
  fs::create_symlink(path_, link);
  ASSERT_TRUE(add_key(link, key_named("a", '1')).ok());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read_key_file(path_)->keys().size(), 1);
}

TEST_F(KeyFileTest, AFailedChangeLeavesTheFileAsItWas) {
  write("keys: 3\n");
  EXPECT_EQ(add_key(path_, key_named("a", '1')).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(revoke_keys(path_, "a").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(text(), "keys: 3\n");
  EXPECT_EQ(revoke_keys(folder_ / "none" / "keys", "a").status().code(), StatusCode::kNotFound);
}

TEST_F(KeyFileTest, WhatALostWriterLeftBehindIsNotPartOfTheNextFile) {
  write("keys:\n");
  std::ofstream(path_.string() + ".lock") << std::string(10'000, 'x');
  ASSERT_TRUE(add_key(path_, key_named("a", '1')).ok());
  EXPECT_EQ(read_key_file(path_)->keys().size(), 1);
}

TEST_F(KeyFileTest, WritersTakeTurns) {
  std::vector<std::thread> writers;
  for (char digit = '0'; digit < '8'; ++digit) {
    writers.emplace_back([this, digit] {
      EXPECT_TRUE(add_key(path_, key_named(std::string("k") + digit, digit)).ok());
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(read_key_file(path_)->keys().size(), 8);
}

TEST_F(KeyFileTest, ReadingAgainTakesTheNewTableAndABrokenFileKeepsTheFormer) {
  ASSERT_TRUE(add_key(path_, key_named("a", '1')).ok());
  const auto file = KeyFile::open(path_);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const auto former = (*file)->table();
  ASSERT_TRUE(add_key(path_, key_named("b", '2')).ok());
  EXPECT_EQ((*file)->table()->keys().size(), 1);
  ASSERT_TRUE((*file)->reload().ok());
  EXPECT_EQ((*file)->table()->keys().size(), 2);
  EXPECT_EQ(former->keys().size(), 1);  // whoever holds it goes on with it
  write("keys:\n  - name: c\n");
  EXPECT_THAT((*file)->reload().message(), HasSubstr("keys.yaml:2: hash: expected one"));
  EXPECT_EQ((*file)->table()->keys().size(), 2);
  fs::remove(path_);
  EXPECT_EQ((*file)->reload().code(), StatusCode::kNotFound);
  EXPECT_EQ((*file)->table()->keys().size(), 2);
}

TEST_F(KeyFileTest, AFileThatEverybodyMayWriteIsRefused) {
  write("keys:\n");
  ::chmod(path_.c_str(), 0602);
  const auto file = KeyFile::open(path_);
  EXPECT_EQ(file.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(file.status().message(), HasSubstr("chmod 600"));
  EXPECT_EQ(KeyFile::open(folder_ / "none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::server
