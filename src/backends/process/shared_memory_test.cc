#include "backends/process/shared_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace accel::backend {
namespace {

std::string temporary_folder() { return std::filesystem::temp_directory_path().string(); }

TEST(SharedMemories, BothSidesSeeTheSameBytes) {
  const auto ours = SharedMemory::create(100'000, Access::kWrite);
  ASSERT_TRUE(ours.ok());
  EXPECT_EQ((*ours)->size(), 131'072);
  const auto theirs = SharedMemory::attach(Descriptor(::dup((*ours)->file())), Access::kRead);
  ASSERT_TRUE(theirs.ok()) << theirs.status().message();
  EXPECT_EQ((*theirs)->size(), (*ours)->size());
  EXPECT_EQ((*theirs)->data()[99'999], std::byte{0});
  (*ours)->writable()[99'999] = std::byte{7};
  EXPECT_EQ((*theirs)->data()[99'999], std::byte{7});
}

// Else a broken process could end this one: reading behind the end of a mapped file is fatal.
TEST(SharedMemories, CannotBeShrunk) {
  const auto memory = SharedMemory::create(1, Access::kRead);
  ASSERT_TRUE(memory.ok());
  EXPECT_NE(::ftruncate((*memory)->file(), 0), 0);
}

TEST(SharedMemories, OtherFilesAreRefused) {
  auto file = create_unnamed_file(temporary_folder());
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(::ftruncate(file->get(), 4096), 0);
  EXPECT_EQ(SharedMemory::attach(std::move(*file), Access::kRead).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(SharedMemory::attach(Descriptor(), Access::kRead).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(SharedMemory::create(uint64_t{1} << 60, Access::kRead).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(UnnamedFiles, AreFilesAlsoWhereNoFolderIs) {
  for (const std::string& folder : {temporary_folder(), std::string("nowhere/at/all")}) {
    const auto file = create_unnamed_file(folder);
    ASSERT_TRUE(file.ok());
    struct stat found = {};
    ASSERT_EQ(::fstat(file->get(), &found), 0);
    EXPECT_TRUE(S_ISREG(found.st_mode));
    EXPECT_EQ(::fcntl(file->get(), F_GETFD), FD_CLOEXEC);
  }
}

}  // namespace
}  // namespace accel::backend
