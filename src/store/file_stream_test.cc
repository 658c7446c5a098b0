#include "store/file_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ostream>

#include "store/scratch_folder.h"

namespace accel::store {
namespace {

class Stream : public ::testing::Test {
 protected:
  void SetUp() override {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd_, 0);
  }
  void TearDown() override { ::close(fd_); }

  const ScratchFolder folder_;
  const std::filesystem::path path_ = folder_ / "file";
  int fd_ = -1;
};

TEST_F(Stream, WritesBehindItsBeginAndGoesBack) {
  write_text(path_, "front");
  FileStream buffer(fd_, 5, 1 << 20, "a file");
  std::ostream out(&buffer);
  out << "???? world";
  EXPECT_EQ(out.tellp(), 10);
  out.seekp(0);
  out << "well";
  EXPECT_EQ(out.tellp(), 4);
  out.seekp(0, std::ios_base::end);
  out << '!';
  out.seekp(-2, std::ios_base::cur);
  out << 'D';
  EXPECT_TRUE(buffer.finish().ok());
  EXPECT_EQ(buffer.size(), 11);
  EXPECT_EQ(read_text(path_), "frontwell worlD!");
}

TEST_F(Stream, LargeAndSmallPiecesKeepTheirOrder) {
  FileStream buffer(fd_, 0, 64 << 20, "a file");
  std::ostream out(&buffer);
  std::string expected;
  for (size_t i = 0; i < 40; ++i) {
    const std::string piece(i % 3 == 0 ? 300'000 : i, static_cast<char>('a' + i % 26));
    expected += piece;
    out << piece;
    EXPECT_EQ(static_cast<size_t>(out.tellp()), expected.size());
  }
  EXPECT_TRUE(buffer.finish().ok());
  EXPECT_EQ(buffer.size(), expected.size());
  EXPECT_EQ(read_text(path_), expected);
}

TEST_F(Stream, EndsAtItsBound) {
  for (const size_t piece : {1, 7, 400'000}) {
    FileStream buffer(fd_, 0, 1'000'000, "a file");
    std::ostream out(&buffer);
    const std::string text(piece, 'x');
    for (size_t i = 0; i < 1'200'000 && out; i += piece) out << text;
    const Status status = buffer.finish();
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.to_string();
    EXPECT_LE(std::filesystem::file_size(path_), 1'000'000);
  }
  FileStream buffer(fd_, 0, 100, "a file");
  std::ostream out(&buffer);
  out.seekp(1'000'000);
  out << "far";
  EXPECT_FALSE(buffer.finish().ok());
}

TEST_F(Stream, PlacesBeforeTheBeginAreRefused) {
  FileStream buffer(fd_, 10, 100, "a file");
  std::ostream out(&buffer);
  out << "abc";
  out.seekp(-5, std::ios_base::cur);
  EXPECT_FALSE(out);
  EXPECT_TRUE(buffer.finish().ok());
}

TEST_F(Stream, AFullDeviceIsTold) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) GTEST_SKIP() << "there is no /dev/full";
  FileStream buffer(full, 0, 1 << 20, "a full disk");
  std::ostream out(&buffer);
  out << "text";
  const Status status = buffer.finish();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("a full disk"), std::string::npos);
  ::close(full);
}

}  // namespace
}  // namespace accel::store
