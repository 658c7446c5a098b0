#include "hub/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "hub/file_names.h"
#include "hub/model_name.h"

namespace accel::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSha1(40, 'a');
const std::string kSha256(64, 'b');

Json listing_json(const std::vector<std::string>& names) {
  Json siblings = Json::array();
  for (const std::string& name : names) {
    siblings.push_back({{"rfilename", name}, {"size", 10}, {"blobId", kSha1}});
  }
  return {{"sha", kSha1}, {"siblings", siblings}};
}

std::vector<std::string> names_of(const std::vector<RepositoryFile>& files) {
  std::vector<std::string> names;
  for (const RepositoryFile& file : files) names.push_back(file.name);
  return names;
}

Result<Choice> choose(const std::vector<std::string>& names, const Selection& selection = {}) {
  const auto listing = parse_listing(listing_json(names).dump());
  if (!listing.ok()) return listing.status();
  return choose_files(*listing, selection);
}

std::vector<std::string> chosen(const std::vector<std::string>& names,
                                const Selection& selection = {}) {
  const auto choice = choose(names, selection);
  if (!choice.ok()) return {choice.status().message()};
  return names_of(choice->files);
}

TEST(Listing, ReadsBothKindsOfHashes) {
  Json json = listing_json({"config.json"});
  json["siblings"].push_back(
      {{"rfilename", "a/model.safetensors"},
       {"size", 3},
       {"blobId", kSha1},
       {"lfs", {{"sha256", kSha256}, {"size", 5'000'000'000}, {"pointerSize", 134}}}});
  const auto listing = parse_listing(json.dump());
  ASSERT_TRUE(listing.ok()) << listing.status().message();
  EXPECT_EQ(listing->commit, kSha1);
  ASSERT_THAT(names_of(listing->files), ElementsAre("a/model.safetensors", "config.json"));
  EXPECT_EQ(listing->files[0], (RepositoryFile{"a/model.safetensors", 5'000'000'000, kSha256}));
  EXPECT_TRUE(listing->files[0].is_lfs());
  EXPECT_EQ(listing->files[1], (RepositoryFile{"config.json", 10, kSha1}));
}

TEST(Listing, RefusesNamesThatLeaveTheFolder) {
  using std::string_literals::operator""s;
  for (const std::string& name :
       {"../x"s, "a/../../x"s, "/etc/passwd"s, "a\\..\\x"s, "a\0b"s, ""s, "."s, ".."s, "a//b"s,
        "a/"s, "./a"s, "a/."s, "a\nb"s, std::string(256, 'x'), "\xff"s}) {
    Json json = listing_json({"fine.json"});
    json["siblings"].push_back({{"rfilename", name}, {"size", 1}, {"blobId", kSha1}});
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::ignore);
    if (name == "\xff") continue;  // JSON cannot hold it; see fault_of_file_name below
    const auto listing = parse_listing(text);
    EXPECT_EQ(listing.status().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(listing.status().message(), HasSubstr("siblings[1]")) << name;
  }
  EXPECT_EQ(fault_of_file_name("a\xff"), "invalid UTF-8");
  EXPECT_EQ(fault_of_file_name("1_Pooling/config.json"), "");
  EXPECT_EQ(fault_of_file_name("..a/b..c/d e"), "");
}

TEST(Listing, RefusesWhatDoesNotFitTogether) {
  const auto fault = [](const Json& json) { return parse_listing(json.dump()).status().message(); };
  EXPECT_THAT(fault(listing_json({"a", "a"})), HasSubstr("a: listed twice"));
  EXPECT_THAT(fault(listing_json({"a", "a/b/c"})), HasSubstr("as a file and as a folder"));
  EXPECT_THAT(fault(listing_json({"a", "a-b", "a/c"})), HasSubstr("as a file and as a folder"));
  Json json = listing_json({"a"});
  json["sha"] = "main";
  EXPECT_THAT(fault(json), HasSubstr("commit of 40"));
  for (const Json& size : {Json(-1), Json(1.5), Json("1"), Json(nullptr), Json(1ull << 60)}) {
    json = listing_json({"a"});
    json["siblings"][0]["size"] = size;
    EXPECT_THAT(fault(json), HasSubstr("\"size\"")) << size;
  }
  for (const char* hash : {"", "abc", "../../../../../../../../../../../../xxxx"}) {
    json = listing_json({"a"});
    json["siblings"][0]["blobId"] = hash;
    EXPECT_THAT(fault(json), HasSubstr("40 hexadecimal digits")) << hash;
  }
  EXPECT_FALSE(parse_listing("[]").ok());
  EXPECT_FALSE(parse_listing("{").ok());
  EXPECT_FALSE(parse_listing("{\"sha\":\"" + kSha1 + "\"}").ok());
}

TEST(Policy, TakesSafetensorsAndNotTheirDuplicates) {
  EXPECT_THAT(chosen({".gitattributes",
                      "1_Pooling/config.json",
                      "README.md",
                      "config.json",
                      "coreml/model.mlpackage/Data/weights.bin",
                      "flax_model.msgpack",
                      "LICENSE",
                      "model.safetensors",
                      "modules.json",
                      "onnx/config.json",
                      "onnx/model.onnx",
                      "onnx/model.onnx_data",
                      "openvino/openvino_model.bin",
                      "openvino/openvino_model.xml",
                      "pytorch_model.bin",
                      "rust_model.ot",
                      "tf_model.h5",
                      "tokenizer.json",
                      "training_args.bin",
                      "vocab.txt"}),
              ElementsAre("1_Pooling/config.json", "LICENSE", "config.json", "model.safetensors",
                          "modules.json", "tokenizer.json", "vocab.txt"));
}

TEST(Policy, KeepsEachModulesOwnWeights) {
  EXPECT_THAT(chosen({"2_Dense/config.json", "2_Dense/pytorch_model.bin", "3_Dense/config.json",
                      "3_Dense/model.safetensors", "3_Dense/pytorch_model.bin", "config.json",
                      "model.safetensors", "pytorch_model.bin"}),
              ElementsAre("2_Dense/config.json", "2_Dense/pytorch_model.bin", "3_Dense/config.json",
                          "3_Dense/model.safetensors", "config.json", "model.safetensors"));
}

TEST(Policy, TakesAllPartsAndTheirIndex) {
  EXPECT_THAT(chosen({"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors",
                      "model-00002-of-00002.safetensors", "model.safetensors.index.json",
                      "original/consolidated.00.pth", "original/params.json",
                      "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"}),
              ElementsAre("config.json", "model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors", "model.safetensors.index.json"));
  EXPECT_THAT(chosen({"config.json", "model.fp16.safetensors", "model.safetensors"}),
              ElementsAre("config.json", "model.safetensors"));
}

TEST(Policy, TakesTheNextBestForm) {
  EXPECT_THAT(chosen({"config.json", "pytorch_model.bin", "tf_model.h5"}),
              ElementsAre("config.json", "pytorch_model.bin"));
  EXPECT_THAT(chosen({"config.json", "openvino_model.bin", "openvino_model.xml",
                      "openvino_model_qint8_quantized.bin", "openvino_model_qint8_quantized.xml",
                      "onnx/model.onnx"}),
              ElementsAre("config.json", "openvino_model.bin", "openvino_model.xml"));
  EXPECT_THAT(
      chosen({"config.json", "onnx/config.json", "onnx/model.onnx", "onnx/model.onnx_data",
              "onnx/model_quantized.onnx"}),
      ElementsAre("config.json", "onnx/config.json", "onnx/model.onnx", "onnx/model.onnx_data"));
  EXPECT_EQ(choose({"config.json", "x.gguf"})->weights, "GGUF");
}

TEST(Policy, AsksWhichOfSeveralGgufFiles) {
  const Status status = choose({"a-Q4_K_M.gguf", "a-Q8_0.gguf", "config.json"}).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("--include 'a-Q4_K_M.gguf'"));
  EXPECT_THAT(chosen({"a-Q4_K_M.gguf", "a-Q8_0.gguf", "config.json"}, {.include = {"*Q8_0*"}}),
              ElementsAre("a-Q8_0.gguf"));
}

TEST(Policy, PatternsReplaceItAndTakeAway) {
  const std::vector<std::string> names{"README.md", "config.json", "model.safetensors",
                                       "onnx/model.onnx"};
  EXPECT_THAT(chosen(names, {.include = {"*.md", "onnx/"}}),
              ElementsAre("README.md", "onnx/model.onnx"));
  EXPECT_THAT(chosen(names, {.exclude = {"*.safetensors"}}), ElementsAre("config.json"));
  EXPECT_THAT(chosen(names, {.exclude = {"*.md"}, .all = true}),
              ElementsAre("config.json", "model.safetensors", "onnx/model.onnx"));
  const Status none = choose(names, {.include = {"*.bin"}}).status();
  EXPECT_EQ(none.code(), StatusCode::kNotFound);
  EXPECT_THAT(none.message(), HasSubstr("there are: README.md, config.json"));
}

TEST(Policy, SaysWhatThereIsInsteadOfWeights) {
  const Status none = choose({"config.json", "tf_model.h5"}).status();
  EXPECT_EQ(none.code(), StatusCode::kNotFound);
  EXPECT_THAT(none.message(), HasSubstr("found only: config.json, tf_model.h5"));
  EXPECT_EQ(choose({}).status().code(), StatusCode::kNotFound);
}

TEST(Policy, CountsWhatItLeaves) {
  const auto choice = choose({"README.md", "config.json", "model.safetensors", "tf_model.h5"});
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->weights, "safetensors");
  EXPECT_EQ(choice->bytes, 20u);
  EXPECT_EQ(choice->skipped, 2u);
  EXPECT_EQ(choice->bytes_skipped, 20u);
}

// As Python's fnmatch answers.
TEST(Patterns, MatchAsTheHubsClients) {
  EXPECT_TRUE(matches_pattern("*.json", "a/b/config.json"));
  EXPECT_FALSE(matches_pattern("*.json", "config.json5"));
  EXPECT_TRUE(matches_pattern("onnx/", "onnx/a/b"));
  EXPECT_FALSE(matches_pattern("onnx", "onnx/a"));
  EXPECT_TRUE(matches_pattern("model-0000[1-3]-*", "model-00002-of-00009.safetensors"));
  EXPECT_FALSE(matches_pattern("model-0000[!1-3]-*", "model-00002-of-00009.safetensors"));
  EXPECT_TRUE(matches_pattern("[]]", "]"));
  EXPECT_TRUE(matches_pattern("[a", "[a"));
  EXPECT_TRUE(matches_pattern("a?c", "abc"));
  EXPECT_FALSE(matches_pattern("a?c", "ac"));
  EXPECT_TRUE(matches_pattern("**", ""));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("A", "a"));
  const std::string long_name(1024, 'a');
  EXPECT_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*a*a*b", long_name));
}

TEST(ModelNames, AreThoseOfTheHub) {
  const auto name = parse_model_name("sentence-transformers/all-MiniLM-L6-v2@refs/pr/1");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->repository, "sentence-transformers/all-MiniLM-L6-v2");
  EXPECT_EQ(name->revision, "refs/pr/1");
  EXPECT_EQ(name->folder(), "models--sentence-transformers--all-MiniLM-L6-v2");
  EXPECT_EQ(repository_of_folder(name->folder()), name->repository);
  EXPECT_EQ(parse_model_name("gpt2")->folder(), "models--gpt2");
  EXPECT_EQ(parse_model_name("gpt2")->revision_or_main(), "main");
  for (const char* bad :
       {"", "a/b/c", "../b", "a/..", "a--b/c", "a/b.git", ".a/b", "a/b-", "a b/c", "a/b@",
        "a/b@../x", "a/b@/x", "a/b@x y", "a/b@x@y", "/a", "a/", "a/b\n", "a/b@\n", "\xc3\xa4/b"}) {
    EXPECT_EQ(parse_model_name(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(parse_model_name(std::string(97, 'a')).ok());
  EXPECT_EQ(url_quoted("a b/\xc3\xa4#?.txt", true), "a%20b/%C3%A4%23%3F.txt");
  EXPECT_EQ(url_quoted("refs/pr/1", false), "refs%2Fpr%2F1");
}

}  // namespace
}  // namespace accel::hub
