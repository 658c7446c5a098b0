// Files below a folder, and nothing else.
#include "server/inputs/file_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace accel::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileRootTest : public testing::Test {
 protected:
  FileRootTest() {
    std::string name = (fs::temp_directory_path() / "accel-file-root-XXXXXX").string();
    folder_ = fs::canonical(::mkdtemp(name.data()));
    fs::create_directories(root() / "below");
    fs::create_directories(folder_ / "images-private");
    write(root() / "a.png", "bytes");
    write(root() / "below/b.png", "more");
    write(folder_ / "secret", "secret");
    write(folder_ / "images-private/c.png", "secret");
    files_ = FileRoot::open(root().string()).value();
  }
  ~FileRootTest() override { fs::remove_all(folder_); }

  fs::path root() const { return folder_ / "images"; }
  static void write(const fs::path& path, std::string_view bytes) { std::ofstream(path) << bytes; }
  Result<std::string> read(const fs::path& path, uint64_t bytes_max = 100) const {
    return files_->read(path.string(), bytes_max);
  }
  StatusCode code(const fs::path& path) const { return read(path).status().code(); }

  fs::path folder_;
  std::unique_ptr<FileRoot> files_;
};

TEST_F(FileRootTest, FilesBelowItAreRead) {
  EXPECT_EQ(*read(root() / "a.png"), "bytes");
  EXPECT_EQ(*read(root() / "below/b.png"), "more");
  EXPECT_EQ(*read(root() / "below/../a.png"), "bytes");
  EXPECT_EQ(*read(root().string() + "//a.png"), "bytes");
  EXPECT_EQ(code(root() / "none.png"), StatusCode::kNotFound);
}

TEST_F(FileRootTest, NothingLeadsOutOfIt) {
  fs::create_symlink("../secret", root() / "relative");
  fs::create_symlink(folder_ / "secret", root() / "absolute");
  fs::create_symlink(folder_, root() / "folder");
  fs::create_symlink("loop", root() / "loop");
  for (const fs::path& path :
       {folder_ / "secret", folder_ / "none", folder_ / "images-private/c.png",
        root() / "../secret", root() / "../none", root() / "below/../../secret",
        root() / "relative", root() / "absolute", root() / "folder/secret", root() / "loop",
        fs::path("/etc/passwd"), fs::path("/"), fs::path("images/a.png"), fs::path("")}) {
    EXPECT_EQ(code(path), StatusCode::kPermissionDenied) << path;
  }
  EXPECT_EQ(code(root() / "/proc/self/root/etc/passwd"), StatusCode::kPermissionDenied);
}

TEST_F(FileRootTest, LinksWithinItAreFollowed) {
  fs::create_symlink("below/b.png", root() / "link.png");
  EXPECT_EQ(*read(root() / "link.png"), "more");
  // An absolute one would leave it, wherever it leads.
  fs::create_symlink(root() / "a.png", root() / "absolute.png");
  EXPECT_EQ(code(root() / "absolute.png"), StatusCode::kPermissionDenied);
}

TEST_F(FileRootTest, OnlyRegularFilesAreRead) {
  ASSERT_EQ(::mkfifo((root() / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(code(root() / "fifo"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(root() / "below"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(root() / ""), StatusCode::kInvalidArgument);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (root() / "s").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(code(root() / "s"), StatusCode::kInvalidArgument);
  ::close(fd);
}

TEST_F(FileRootTest, ALargerFileIsNotRead) {
  EXPECT_EQ(*read(root() / "a.png", 5), "bytes");
  const auto refused = read(root() / "a.png", 4);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), HasSubstr("at most 4 bytes"));
}

TEST_F(FileRootTest, TheFolderMayBeNamedByALink) {
  fs::create_symlink("images", folder_ / "link");
  const auto files = FileRoot::open((folder_ / "link/").string());
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_EQ(*(*files)->read((folder_ / "link/a.png").string(), 100), "bytes");
  EXPECT_EQ(*(*files)->read((root() / "a.png").string(), 100), "bytes");
}

TEST_F(FileRootTest, AFolderIsExpected) {
  EXPECT_EQ(FileRoot::open((folder_ / "none").string()).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(FileRoot::open((folder_ / "secret").string()).ok());
}

}  // namespace
}  // namespace accel::server
