#include "ovms/version_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace accel::ovms {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class VersionFolders : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-ovms-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    entry_.base_path = name;
  }
  void TearDown() override { fs::remove_all(entry_.base_path); }

  void add(const std::string& file) {
    const fs::path path = fs::path(entry_.base_path) / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }
  std::vector<int> versions() {
    auto found = find_versions(entry_);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<int> numbers;
    if (!found.ok()) return numbers;
    for (const FoundVersion& one : found->versions) numbers.push_back(one.version);
    notices_ = testing::PrintToString(found->notices);
    return numbers;
  }

  ModelEntry entry_{.name = "m", .base_path = "", .settings = {}};
  std::string notices_;
};

TEST_F(VersionFolders, AreThoseOfNumbersWithAModel) {
  for (const char* file : {"1/a.xml", "1/a.bin", "2/model.onnx", "10/saved_model.pb", "9/notes.txt",
                           "8/a.xml", "x/model.onnx", "07/model.onnx", "0/model.onnx", "11"}) {
    add(file);
  }
  EXPECT_THAT(versions(), ElementsAre(10));
  EXPECT_THAT(notices_, HasSubstr("/9: passed over: expected a model in it"));
  EXPECT_THAT(notices_, HasSubstr("/8: passed over: expected the weights of a.xml"));
  entry_.policy.latest = 2;
  EXPECT_THAT(versions(), ElementsAre(2, 10));
  entry_.policy = {.kind = VersionPolicy::Kind::kAll};
  EXPECT_THAT(versions(), ElementsAre(1, 2, 10));
  entry_.policy = {.kind = VersionPolicy::Kind::kSpecific, .versions = {1, 3}};
  EXPECT_THAT(versions(), ElementsAre(1));
  EXPECT_THAT(notices_, HasSubstr("expected the versions 1, 3, found 1 of them"));
  entry_.policy.versions = {9};
  EXPECT_THAT(find_versions(entry_).status().message(), HasSubstr("of the versions 9"));
  add("9/model.onnx");
  EXPECT_THAT(versions(), ElementsAre(9));
}

TEST_F(VersionFolders, OfAModelWithoutThemIsTheFirst) {
  EXPECT_EQ(find_versions(entry_).status().code(), StatusCode::kNotFound);
  add("model.onnx");
  auto found = find_versions(entry_);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(found->versions, ElementsAre(FoundVersion{1, entry_.base_path}));
  const std::string folder = entry_.base_path;
  entry_.base_path = folder + "/model.onnx";
  EXPECT_THAT(find_versions(entry_)->versions, ElementsAre(FoundVersion{1, entry_.base_path}));
  entry_.base_path = folder + "/none";
  EXPECT_THAT(find_versions(entry_).status().message(), HasSubstr("expected a folder"));
  entry_.base_path = folder;
}

TEST_F(VersionFolders, SayThatNamesOfTensorsStay) {
  add("1/model.onnx");
  add("1/mapping_config.json");
  EXPECT_THAT(versions(), ElementsAre(1));
  EXPECT_THAT(notices_, HasSubstr("mapping_config.json: has no effect"));
}

}  // namespace
}  // namespace accel::ovms
