#include "store/content_hash.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <set>
#include <thread>

#include "store/scratch_folder.h"
#include "store/wall_clock.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;

std::string digest_of(const std::string& text) {
  return content_digest({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

// Long after any file of this test was written.
int64_t later_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() + 3600 * kSecondNs;
}

std::string bytes(size_t count, unsigned seed) {
  std::string text(count, '\0');
  for (char& byte : text) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return text;
}

TEST(ContentDigest, OneOtherByteAnywhereIsAnotherDigest) {
  const std::string text = bytes((9 << 20) + 17, 1);
  const std::string digest = digest_of(text);
  EXPECT_EQ(digest_of(text), digest);
  std::set<std::string> all{digest};
  const std::set<size_t> places{0, 1, (4 << 20) - 1, 4 << 20, 8 << 20, (9 << 20), text.size() - 1};
  for (const size_t place : places) {
    std::string other = text;
    other[place] = static_cast<char>(other[place] ^ 1);
    all.insert(digest_of(other));
  }
  all.insert(digest_of(text + '\0'));
  all.insert(digest_of(text.substr(1)));
  all.insert(digest_of(""));
  EXPECT_EQ(all.size(), places.size() + 4);
}

TEST(ContentDigest, IsThatOfAFileWithTheSameBytes) {
  const ScratchFolder folder;
  for (const size_t size : {0, 1, 4096, 4 << 20, (4 << 20) + 1, 13 << 20}) {
    const std::string text = bytes(size, 7);
    write_text(folder / "file", text);
    EXPECT_EQ(*file_digest(folder / "file"), digest_of(text)) << size;
  }
}

TEST(FileDigest, RefusesWhatIsNoFile) {
  const ScratchFolder folder;
  EXPECT_EQ(file_digest(folder / "none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(file_digest(folder.path()).status().code(), StatusCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(file_digest(folder / "pipe").status().code(), StatusCode::kInvalidArgument);
}

class Remembered : public ::testing::Test {
 protected:
  std::unique_ptr<ContentHashes> hashes(int64_t now_ns = later_ns()) const {
    return ContentHashes::create(
        {.folder = folder_ / "hashes", .now_ns = [now_ns] { return now_ns; }});
  }
  size_t remembered() const { return files_in(folder_ / "hashes"); }

  const ScratchFolder folder_;
  const fs::path file_ = folder_ / "model.bin";
  const std::string text_ = bytes(ContentHashes::kRememberedFrom + 1, 3);
};

TEST_F(Remembered, ABigFileIsReadOnce) {
  write_text(file_, text_);
  const std::string digest = *hashes()->of_file(file_);
  EXPECT_EQ(digest, digest_of(text_));
  EXPECT_EQ(remembered(), 1);
  // Proof that the second answer does not come from the bytes: what is remembered is changed.
  const fs::path fact = fs::directory_iterator(folder_ / "hashes")->path();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(*hashes()->of_file(file_), digest);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
  write_text(fact, "damaged");
  EXPECT_EQ(*hashes()->of_file(file_), digest);
  EXPECT_EQ(remembered(), 1);
}

TEST_F(Remembered, EveryChangeIsSeen) {
  write_text(file_, text_);
  std::set<std::string> digests{*hashes()->of_file(file_)};
  // Another byte, and the modification time set back to what it was: only ctime tells.
  struct stat before {};
  ASSERT_EQ(::stat(file_.c_str(), &before), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the clock of the file system
  std::string other = text_;
  other[1000] = static_cast<char>(other[1000] ^ 1);
  write_text(file_, other);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, file_.c_str(), times, 0), 0);
  digests.insert(*hashes()->of_file(file_));
  // Another file in its place.
  write_text(folder_ / "new", bytes(text_.size(), 4));
  fs::rename(folder_ / "new", file_);
  digests.insert(*hashes()->of_file(file_));
  write_text(file_, text_ + "x");
  digests.insert(*hashes()->of_file(file_));
  EXPECT_EQ(digests.size(), 4);
}

TEST_F(Remembered, AFileThatHasJustChangedIsNot) {
  write_text(file_, text_);
  struct stat info {};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  const int64_t changed_ns = info.st_ctim.tv_sec * kSecondNs + info.st_ctim.tv_nsec;
  for (const int64_t since_ns : {int64_t{0}, kSecondNs, 2 * kSecondNs - 1, -5 * kSecondNs}) {
    EXPECT_EQ(*hashes(changed_ns + since_ns)->of_file(file_), digest_of(text_));
    EXPECT_EQ(remembered(), 0) << since_ns;
  }
  EXPECT_EQ(*hashes(changed_ns + 2 * kSecondNs)->of_file(file_), digest_of(text_));
  EXPECT_EQ(remembered(), 1);
}

TEST_F(Remembered, ASmallFileIsNot) {
  write_text(file_, text_.substr(0, ContentHashes::kRememberedFrom - 1));
  EXPECT_TRUE(hashes()->of_file(file_).ok());
  EXPECT_EQ(remembered(), 0);
}

TEST_F(Remembered, NamesAndContentsOfSeveralFilesCount) {
  write_text(folder_ / "a", "one");
  write_text(folder_ / "b", "two");
  const auto all = hashes();
  const std::string digest = *all->of_files(folder_.path(), {"a", "b"});
  EXPECT_EQ(*all->of_files(folder_.path(), {"b", "a"}), digest);
  EXPECT_NE(*all->of_files(folder_.path(), {"a"}), digest);
  // The same files elsewhere.
  const ScratchFolder copy;
  write_text(copy / "a", "one");
  write_text(copy / "b", "two");
  EXPECT_EQ(*all->of_files(copy.path(), {"a", "b"}), digest);
  write_text(copy / "a", "two");
  write_text(copy / "b", "one");
  EXPECT_NE(*all->of_files(copy.path(), {"a", "b"}), digest);
  EXPECT_EQ(all->of_files(copy.path(), {"c"}).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::store
