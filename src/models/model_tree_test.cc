#include "models/model_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/tiny_bert.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ModelTree : public testing::Test {
 protected:
  void put(const std::string& folder, const Json& config = tiny_bert_config()) const {
    tree_.write(fs::path(folder) / "config.json", config);
  }
  std::vector<std::string> names() const {
    const auto found = find_models(tree_.path());
    EXPECT_TRUE(found.ok());
    std::vector<std::string> all;
    for (const FoundModel& model : *found) all.push_back(model.name);
    return all;
  }
  // A repository of a hub cache: its files are links into blobs.
  void put_repository(const std::string& name, const std::string& revision) const {
    const fs::path repository = tree_.path() / name;
    tree_.write(fs::path(name) / "blobs" / "abc", tiny_bert_config());
    fs::create_directories(repository / "snapshots" / revision);
    const fs::path link = repository / "snapshots" / revision / "config.json";
    fs::create_symlink("../../blobs/abc", link);
  }

  const ScratchFolder tree_;
};

// row 234 (partial: found and located; not fetched)
TEST_F(ModelTree, FindsFoldersAndRepositories) {
  put("small/bert");
  put("other");
  put("no-model", {{"name", "something else"}});
  put("small/bert/inner");  // its own
  tree_.write("sentence/modules.json", Json::array());
  put_repository("hub/models--org--name-with--dashes", "1234");
  EXPECT_THAT(names(), ElementsAre("org/name-with--dashes", "other", "sentence", "small/bert"));
}

TEST_F(ModelTree, FindsFilesThatAreModels) {
  put("bert");
  tree_.write("bert/model.onnx", std::string_view("its own"));
  tree_.write("alone/model.xml", std::string_view("<?xml version=\"1.0\"?><net version=\"11\">"));
  tree_.write("alone/notes.xml", std::string_view("<notes/>"));
  tree_.write("many/a.gguf", std::string_view("GGUF"));
  tree_.write("many/b-00001-of-00002.gguf", std::string_view("GGUF"));
  tree_.write("many/b-00002-of-00002.gguf", std::string_view("GGUF"));
  tree_.write("none/model.onnx", std::string_view("no graph"));
  EXPECT_THAT(names(), ElementsAre("alone", "bert", "many/a.gguf", "many/b-00001-of-00002.gguf"));
}

TEST_F(ModelTree, PassesOverLoopsOfLinks) {
  put("a/model");
  fs::create_directory_symlink(tree_.path(), tree_.path() / "a" / "up");
  fs::create_directory_symlink(tree_.path() / "a" / "model", tree_.path() / "again");
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(ModelTree, LocatesTheSnapshotInUse) {
  const std::string repository = (tree_.path() / "models--org--name").string();
  put_repository("models--org--name", "old");
  EXPECT_EQ(locate_model(repository)->filename(), "old");
  put_repository("models--org--name", "new");
  EXPECT_THAT(locate_model(repository).status().message(), HasSubstr("found 2 snapshots"));
  tree_.write("models--org--name/refs/main", std::string_view("new\n"));
  EXPECT_EQ(locate_model(repository)->filename(), "new");
  EXPECT_EQ(locate_model("org/name", tree_.path())->filename(), "new");
  tree_.write("models--org--name/refs/main", std::string_view("../../../.."));
  EXPECT_FALSE(locate_model("org/name", tree_.path()).ok());
}

TEST_F(ModelTree, SaysWhereItLooked) {
  const Status missing = locate_model("org/none", tree_.path()).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("in " + tree_.path().string()));
  EXPECT_EQ(locate_model("/none/there", tree_.path()).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(find_models(tree_.path() / "none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::models
