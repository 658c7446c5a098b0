#include "models/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/checkpoint_index.h"
#include "models/tiny_bert.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr const char* kIndex = "model.safetensors.index.json";

class CheckpointFolder : public testing::Test {
 protected:
  // Two shards with an index that fits.
  void write_shards() {
    folder_.write_weights("one.safetensors", {{"a", a_}, {"b", b_}});
    folder_.write_weights("two.safetensors", {{"c", c_}});
    write_index({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}});
  }
  void write_index(const Json& map) {
    folder_.write(kIndex, {{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
  }
  // A file of PyTorch's, with "weight" and "bias".
  static fs::path torch_file(const char* name = "protocol_2.pt") {
    return fs::path(ACCEL_TEST_DATA) / "tensors" / "torch" / name;
  }
  std::vector<std::string> names() const {
    const auto checkpoint = Checkpoint::open(folder_.path());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().to_string();
    std::vector<std::string> found;
    for (size_t i = 0; checkpoint.ok() && i < checkpoint->entries().size(); ++i) {
      found.push_back(checkpoint->entries()[i].name);
    }
    return found;
  }
  Status refused() const {
    const auto checkpoint = Checkpoint::open(folder_.path());
    EXPECT_FALSE(checkpoint.ok());
    return checkpoint.status();
  }

  ScratchFolder folder_;
  const Tensor a_ = tiny_tensor({2, 3}, "a");
  const Tensor b_ = tiny_tensor({4}, "b");
  const Tensor c_ = tiny_tensor({5}, "c");
};

// --- which files ---------------------------------------------------------------------------------

TEST_F(CheckpointFolder, TheFirstKindThatIsThereCounts) {
  fs::copy(torch_file(), folder_.path() / "any.pth");
  fs::copy(torch_file(), folder_.path() / "optimizer.pt");
  EXPECT_THAT(names(), UnorderedElementsAre("weight", "bias"));
  fs::copy(torch_file("wrapped.pt"), folder_.path() / "model.pt");
  EXPECT_EQ(names().size(), 3U);
  fs::copy(torch_file(), folder_.path() / "pytorch_model.bin");
  EXPECT_THAT(names(), UnorderedElementsAre("weight", "bias"));
  write_shards();
  EXPECT_THAT(names(), UnorderedElementsAre("a", "b", "c"));
  folder_.write_weights("model.safetensors", {{"d", a_}});
  EXPECT_THAT(names(), ElementsAre("d"));
}

TEST_F(CheckpointFolder, WithoutOneFileOfWeights) {
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  EXPECT_THAT(refused().message(), AllOf(HasSubstr("model.safetensors"), HasSubstr(".pth")));
  fs::copy(torch_file(), folder_.path() / "one.pt");
  fs::copy(torch_file(), folder_.path() / "two.pt");
  EXPECT_THAT(refused().message(), HasSubstr("one.pt, two.pt"));
}

TEST_F(CheckpointFolder, APointerOfGitIsNamed) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    folder_.write(name, std::string_view("version https://git-lfs.github.com/spec/v1\noid sha256"));
    EXPECT_EQ(refused().code(), StatusCode::kDataLoss);
    EXPECT_THAT(refused().message(), AllOf(HasSubstr("git lfs pull"), HasSubstr(name)));
    fs::remove(folder_.path() / name);
  }
}

TEST_F(CheckpointFolder, ReadsWhatItLists) {
  write_shards();
  const auto checkpoint = *Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.mappings().size(), 2U);
  for (const WeightEntry& weight : checkpoint.weights()) {
    const Tensor& expected = weight.name == "a" ? a_ : weight.name == "b" ? b_ : c_;
    EXPECT_EQ(weight.tensor.shape(), expected.shape());
    EXPECT_TRUE(std::ranges::equal(weight.tensor.bytes(), expected.bytes()));
  }
}

TEST_F(CheckpointFolder, ShardsMayBePyTorchs) {
  fs::copy(torch_file(), folder_.path() / "pytorch_model-00001-of-00001.bin");
  folder_.write("pytorch_model.bin.index.json", {{"weight_map",
                                                  {{"weight", "pytorch_model-00001-of-00001.bin"},
                                                   {"bias", "pytorch_model-00001-of-00001.bin"}}}});
  EXPECT_THAT(names(), UnorderedElementsAre("weight", "bias"));
}

// --- shards --------------------------------------------------------------------------------------

TEST_F(CheckpointFolder, MissingShardsAreAllNamed) {
  write_shards();
  fs::remove(folder_.path() / "two.safetensors");
  write_index({{"a", "one.safetensors"}, {"c", "two.safetensors"}, {"d", "three.safetensors"}});
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
  EXPECT_THAT(refused().message(),
              AllOf(HasSubstr(kIndex), HasSubstr("expected 3 shards beside it, found 1"),
                    HasSubstr("\"three.safetensors\", \"two.safetensors\"")));
}

TEST_F(CheckpointFolder, ATensorInTwoShards) {
  write_shards();
  folder_.write_weights("two.safetensors", {{"c", c_}, {"b", b_}});
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused().message(), HasSubstr("the tensor \"b\" is in two shards, "
                                             "\"one.safetensors\" and \"two.safetensors\""));
  // One file under two names is twice the same.
  fs::remove(folder_.path() / "two.safetensors");
  fs::create_symlink("one.safetensors", folder_.path() / "two.safetensors");
  EXPECT_THAT(refused().message(), HasSubstr("is in two shards"));
}

TEST_F(CheckpointFolder, IndexAndShardsMustAgree) {
  write_shards();
  write_index({{"a", "two.safetensors"}, {"b", "one.safetensors"}, {"z", "one.safetensors"}});
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(
      refused().message(),
      AllOf(HasSubstr(kIndex), HasSubstr("listed, but not there: \"z\" (in \"one.safetensors\")"),
            HasSubstr("in another shard: \"a\" (in \"one.safetensors\" instead of \"two"),
            HasSubstr("there, but not listed: \"c\" (in \"two.safetensors\")")));
}

TEST_F(CheckpointFolder, ADamagedShardIsNamed) {
  write_shards();
  fs::resize_file(folder_.path() / "two.safetensors", 20);
  EXPECT_EQ(refused().code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused().message(), HasSubstr("two.safetensors"));
}

TEST_F(CheckpointFolder, NamesThatLeaveTheFolder) {
  write_shards();
  for (const char* name : {"/etc/passwd", "../one.safetensors", "a/../../x", "", "..", "a\\b"}) {
    write_index({{"a", name}});
    EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(refused().message(), AllOf(HasSubstr("the file of the tensor \"a\""),
                                           HasSubstr("expected a relative path")));
  }
  write_index({{"a", "."}});
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused().message(), HasSubstr("expected a regular file"));
}

// --- links ---------------------------------------------------------------------------------------

TEST_F(CheckpointFolder, LinksThatLeaveTheFolderOrLeadInACircle) {
  write_shards();
  const ScratchFolder elsewhere;
  elsewhere.write_weights("two.safetensors", {{"c", c_}});
  fs::remove(folder_.path() / "two.safetensors");
  fs::create_symlink(elsewhere.path() / "two.safetensors", folder_.path() / "two.safetensors");
  EXPECT_EQ(refused().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused().message(), HasSubstr("found a link to"));
  fs::remove(folder_.path() / "two.safetensors");
  fs::create_symlink("two.safetensors", folder_.path() / "two.safetensors");
  EXPECT_THAT(refused().message(), HasSubstr("in a circle"));
  fs::remove(folder_.path() / "two.safetensors");
  fs::create_symlink("nowhere", folder_.path() / "two.safetensors");
  EXPECT_EQ(refused().code(), StatusCode::kNotFound);
}

TEST_F(CheckpointFolder, LinksOfTheHubsCache) {
  const ScratchFolder cache;
  cache.write_weights("models--x/blobs/1234", {{"a", a_}});
  cache.write_weights("models--y/blobs/5678", {{"a", a_}});
  const fs::path snapshot = cache.path() / "models--x/snapshots/main";
  cache.write("models--x/snapshots/main/" + std::string(kIndex),
              {{"weight_map", {{"a", "one.safetensors"}}}});
  fs::create_symlink("../../blobs/1234", snapshot / "one.safetensors");
  EXPECT_TRUE(Checkpoint::open(snapshot).ok());
  fs::remove(snapshot / "one.safetensors");
  fs::create_symlink("../../../models--y/blobs/5678", snapshot / "one.safetensors");
  EXPECT_FALSE(Checkpoint::open(snapshot).ok());
}

// --- the index -----------------------------------------------------------------------------------

TEST(CheckpointIndex, IsReadWhateverStandsBesideTheMap) {
  const auto index = parse_checkpoint_index(
      R"({"metadata": {"weight_map": [1, {"x": {}}], "deep": [[[]]]}, "weight_map": {"a": "x"},
          "more": null})");
  ASSERT_TRUE(index.ok()) << index.status().to_string();
  EXPECT_EQ(*index, (CheckpointIndex{{"a", "x"}}));
}

TEST(CheckpointIndex, WhatIsNoMapIsRefused) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "valid JSON"},
      {"{", "valid JSON"},
      {R"({"weight_map": {"a": "x"}} more)", "valid JSON"},
      {std::string("{}\0", 3), "zero byte"},
      {"[]", "expected an object"},
      {"3", "expected an object"},
      {"{}", "found none"},
      {R"({"weight_map": []})", "expected an object with a \"weight_map\""},
      {R"({"weight_map": "x"})", "expected an object with a \"weight_map\""},
      {R"({"weight_map": {"a": 3}})", "a file's name for the tensor \"a\""},
      {R"({"weight_map": {"a": {"b": "x"}}})", "a file's name for the tensor \"a\""},
      {R"({"weight_map": {"a": ["x"]}})", "a file's name for the tensor \"a\""},
      {R"({"weight_map": {"a": null}})", "a file's name for the tensor \"a\""},
      {R"({"weight_map": {"a": "x", "a": "y"}})", "the tensor \"a\" occurs twice"},
      {R"({"weight_map": {"a": "x"}, "weight_map": {}})", "the \"weight_map\" occurs twice"},
      {std::string(100000, '['), "expected an object"},
  };
  for (const auto& [text, words] : cases) {
    const Status status = parse_checkpoint_index(text).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << text;
    EXPECT_THAT(status.message(), HasSubstr(words)) << text;
  }
}

}  // namespace
}  // namespace accel::models
