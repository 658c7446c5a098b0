#include "hub/blob_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/scratch_folder.h"

namespace accel::hub {
namespace {

using store::ScratchFolder;
using testing::HasSubstr;

// Of "hello\n": sha256sum, and git hash-object.
constexpr char kHello[] = "hello\n";
const RepositoryFile kLfs{"a.safetensors", 6,
                          "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"};
const RepositoryFile kGit{"a.json", 6, "ce013625030ba8dba906f756967f9e9ca394464a"};

class Blob : public testing::Test {
 protected:
  std::unique_ptr<BlobFile> open(const RepositoryFile& file) const {
    auto blob = BlobFile::open(incomplete_, file);
    EXPECT_TRUE(blob.ok()) << blob.status().message();
    return std::move(*blob);
  }
  static HttpHead partial(const std::string& range) {
    return {.code = 206, .content_range = range};
  }
  const ScratchFolder folder_;
  const std::filesystem::path incomplete_ = folder_ / "x.incomplete";
  const std::filesystem::path blob_ = folder_ / "x";
};

TEST_F(Blob, ChecksBothKindsOfHashes) {
  for (const RepositoryFile& file : {kLfs, kGit}) {
    const auto blob = open(file);
    ASSERT_TRUE(blob->head({.code = 200, .content_length = 6}).ok());
    ASSERT_TRUE(blob->body("hel").ok());
    ASSERT_TRUE(blob->body("lo\n").ok());
    ASSERT_TRUE(blob->whole());
    const Status published = blob->publish(blob_);
    ASSERT_TRUE(published.ok()) << published.message();
    EXPECT_EQ(store::read_text(blob_), kHello);
    EXPECT_FALSE(std::filesystem::exists(incomplete_));
  }
}

TEST_F(Blob, GoesOnWhereItEnded) {
  for (const RepositoryFile& file : {kLfs, kGit}) {
    {
      const auto blob = open(file);
      ASSERT_TRUE(blob->body("he").ok());
    }
    const auto blob = open(file);
    EXPECT_EQ(blob->have(), 2u);
    EXPECT_TRUE(blob->resumed());
    ASSERT_TRUE(blob->head(partial("bytes 2-5/6")).ok());
    ASSERT_TRUE(blob->body("llo\n").ok());
    EXPECT_TRUE(blob->publish(blob_).ok());
  }
}

TEST_F(Blob, BeginsAgainWhenTheServerDoes) {
  store::write_text(incomplete_, "xx");
  const auto blob = open(kLfs);
  ASSERT_TRUE(blob->head({.code = 200, .content_length = 6}).ok());
  EXPECT_EQ(blob->have(), 0u);
  ASSERT_TRUE(blob->body(kHello).ok());
  EXPECT_TRUE(blob->publish(blob_).ok());
}

TEST_F(Blob, RefusesAnswersThatDoNotFit) {
  store::write_text(incomplete_, "he");
  const auto blob = open(kLfs);
  for (const char* range : {"", "bytes 0-5/6", "bytes 3-5/6", "bytes 2-5/7", "bytes 2-5/*",
                            "bytes 2-5/6x", "bytes", "2-5/6"}) {
    EXPECT_EQ(blob->head(partial(range)).code(), StatusCode::kDataLoss) << range;
  }
  HttpHead head = partial("bytes 2-5/6");
  head.content_length = 5;
  EXPECT_EQ(blob->head(head).code(), StatusCode::kDataLoss);
  EXPECT_EQ(blob->body("llo\nx").code(), StatusCode::kDataLoss);
}

TEST_F(Blob, DoesNotPublishOtherBytes) {
  const auto blob = open(kLfs);
  ASSERT_TRUE(blob->body("hellO\n").ok());
  const Status wrong = blob->publish(blob_);
  EXPECT_EQ(wrong.code(), StatusCode::kDataLoss);
  EXPECT_THAT(wrong.message(), HasSubstr(kLfs.hash));
  EXPECT_FALSE(std::filesystem::exists(blob_));
  blob->discard();
  EXPECT_FALSE(std::filesystem::exists(incomplete_));
}

TEST_F(Blob, ForgetsRemainsThatAreTooLong) {
  store::write_text(incomplete_, "more than six bytes");
  EXPECT_EQ(open(kLfs)->have(), 0u);
}

TEST_F(Blob, FollowsNoLink) {
  std::filesystem::create_symlink(folder_ / "elsewhere", incomplete_);
  EXPECT_FALSE(BlobFile::open(incomplete_, kLfs).ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

TEST_F(Blob, EmptyFilesAreFilesToo) {
  const auto blob = open({"empty.txt", 0, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"});
  ASSERT_TRUE(blob->whole());
  ASSERT_TRUE(blob->publish(blob_).ok());
  EXPECT_EQ(std::filesystem::file_size(blob_), 0u);
}

}  // namespace
}  // namespace accel::hub
