#include "cli/file_looks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "store/scratch_folder.h"

namespace accel::cli {
namespace {

void write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(FileLooks, TellWhenSomethingHasChanged) {
  const store::ScratchFolder scratch;
  const auto folder = scratch.path() / "model";
  write(folder / "1" / "model.xml", "a");
  const std::vector<std::string> paths{folder.string(), (scratch.path() / "none.json").string()};
  FileLooks looks = look_at(paths);
  EXPECT_EQ(look_again(looks), looks);
  const auto changed = [&] {
    const FileLooks now = look_again(looks);
    const bool different = now != looks;
    looks = now;
    return different;
  };
  write(folder / "1" / "model.xml", "longer");  // two folders down
  EXPECT_TRUE(changed());
  EXPECT_FALSE(changed());
  write(folder / "2" / "model.xml", "a");
  EXPECT_TRUE(changed());
  std::filesystem::remove_all(folder / "1");
  EXPECT_TRUE(changed());
  write(scratch.path() / "none.json", "{}");
  EXPECT_TRUE(changed());
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(changed());
  EXPECT_FALSE(changed());
}

}  // namespace
}  // namespace accel::cli
