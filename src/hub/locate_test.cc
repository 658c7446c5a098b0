#include "hub/locate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/aliases.h"
#include "store/scratch_folder.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Locate : public testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((tree_.path() / file).parent_path());
    store::write_text(tree_.path() / file, text);
  }
  void put(const std::string& folder, const std::string& config = kConfig) const {
    write(fs::path(folder) / "config.json", config);
  }
  // A repository of a hub cache: its files are links into blobs.
  void put_repository(const std::string& name, const std::string& revision) const {
    const fs::path repository = tree_.path() / name;
    write(fs::path(name) / "blobs" / "abc", kConfig);
    fs::create_directories(repository / "snapshots" / revision);
    const fs::path link = repository / "snapshots" / revision / "config.json";
    fs::create_symlink("../../blobs/abc", link);
  }
  Result<fs::path> locate(const std::string& name) const {
    return locate_model(name, {.cache = tree_.path(), .aliases = aliases_.file()});
  }

  static constexpr char kConfig[] = R"({"model_type": "bert"})";
  const store::ScratchFolder tree_;
  const Aliases aliases_{tree_ / ".config/aliases.json"};
};

TEST_F(Locate, LocatesTheSnapshotInUse) {
  const std::string repository = (tree_.path() / "models--org--name").string();
  put_repository("models--org--name", "old");
  EXPECT_EQ(locate(repository)->filename(), "old");
  put_repository("models--org--name", "new");
  EXPECT_THAT(locate(repository).status().message(), HasSubstr("found 2 snapshots"));
  write("models--org--name/refs/main", "new\n");
  EXPECT_EQ(locate(repository)->filename(), "new");
  EXPECT_EQ(locate("org/name")->filename(), "new");
  write("models--org--name/refs/main", "../../../..");
  EXPECT_FALSE(locate("org/name").ok());
}

TEST_F(Locate, APathComesBeforeAnAliasAndAnAliasBeforeTheCache) {
  put("model");
  put_repository("models--org--name", "one");
  put_repository("models--plain", "two");
  ASSERT_TRUE(aliases_.set("short", "org/name").ok());
  ASSERT_TRUE(aliases_.set("local", (tree_ / "model").string()).ok());
  ASSERT_TRUE(aliases_.set("plain", "short").ok());
  EXPECT_EQ(locate("short")->filename(), "one");
  EXPECT_EQ(*locate("local"), tree_ / "model");
  EXPECT_EQ(locate("plain")->filename(), "one");
  EXPECT_EQ(*locate(tree_ / "model"), tree_ / "model");
  EXPECT_EQ(locate("org/name@one")->filename(), "one");
  ASSERT_TRUE(aliases_.remove("plain").ok());
  EXPECT_EQ(locate("plain")->filename(), "two");
  ASSERT_TRUE(aliases_.set("gone", "org/gone@v1").ok());
  EXPECT_THAT(locate("gone").status().message(),
              testing::AllOf(HasSubstr("the alias 'gone'"), HasSubstr("accel pull org/gone@v1")));
}

TEST_F(Locate, TheDefaultIsAnAliasOrASmallEncoder) {
  EXPECT_THAT(locate("default").status().message(),
              testing::AllOf(HasSubstr("the default model"),
                             HasSubstr("accel pull sentence-transformers/all-MiniLM-L6-v2")));
  put_repository("models--sentence-transformers--all-MiniLM-L6-v2", "one");
  EXPECT_EQ(locate("default")->filename(), "one");
  put("model");
  ASSERT_TRUE(aliases_.set("default", (tree_ / "model").string()).ok());
  EXPECT_EQ(*locate("default"), tree_ / "model");
  EXPECT_FALSE(locate("").ok());
}

TEST_F(Locate, SaysHowToGetIt) {
  put_repository("models--org--name", "one");
  const auto message = [this](const std::string& name) { return locate(name).status().message(); };
  EXPECT_THAT(message("org/none"), HasSubstr("to get it from the hub: accel pull org/none"));
  EXPECT_THAT(message("org/none"), HasSubstr(aliases_.file().string()));
  EXPECT_THAT(message("name"), HasSubstr("did you mean org/name?"));
  for (const char* path : {"./none", "/none", "a/b/c", "a/model.onnx", "~/x"}) {
    EXPECT_THAT(message(path), testing::Not(HasSubstr("accel pull"))) << path;
  }
  fs::create_directories(tree_ / "models--org--half/blobs");
  EXPECT_THAT(message("org/half"), HasSubstr("no whole snapshot"));
}

TEST_F(Locate, SaysWhereItLooked) {
  const Status missing = locate("org/none").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("in " + tree_.path().string()));
  EXPECT_EQ(locate("/none/there").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::hub
