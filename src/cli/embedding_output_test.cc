#include "cli/embedding_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bit>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "base/json.h"
#include "tensors/tensor_files.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EmbeddingOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "embedding_output.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Two records in `format`, or the error.
  Status write(EmbeddingFormat format, const fs::path& path, bool finish = true) {
    const std::vector<float> first{0.1F, -2};
    const std::vector<float> second{1e-7F, 3.5e20F};
    auto writer = open_embedding_writer({.format = format, .path = path, .size = 2});
    if (!writer.ok()) return writer.status();
    Status status =
        (*writer)->write({.index = 0, .embedding = first, .tokens = 7, .carried = "\"id\":\"x\""});
    if (status.ok()) {
      status =
          (*writer)->write({.index = 1, .embedding = second, .tokens = 512, .truncated = true});
    }
    if (status.ok()) status = (*writer)->flush();
    return status.ok() && finish ? (*writer)->finish() : status;
  }

  std::string content(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  fs::path folder_;
};

constexpr const char* kFirst =
    R"({"index":0,"embedding":[0.1,-2],"tokens":7,"truncated":false,"id":"x"})";
constexpr const char* kSecond =
    R"({"index":1,"embedding":[1e-07,3.5e+20],"tokens":512,"truncated":true})";

TEST_F(EmbeddingOutputTest, Jsonl) {
  ASSERT_TRUE(write(EmbeddingFormat::kJsonl, folder_ / "a").ok());
  EXPECT_EQ(content(folder_ / "a"), std::string(kFirst) + "\n" + kSecond + "\n");
}

TEST_F(EmbeddingOutputTest, Json) {
  ASSERT_TRUE(write(EmbeddingFormat::kJson, folder_ / "a").ok());
  EXPECT_EQ(content(folder_ / "a"), std::string("[\n") + kFirst + ",\n" + kSecond + "\n]\n");
  auto empty =
      open_embedding_writer({.format = EmbeddingFormat::kJson, .path = folder_ / "b", .size = 2});
  ASSERT_TRUE((*empty)->finish().ok());
  EXPECT_EQ(content(folder_ / "b"), "[]\n");
}

TEST_F(EmbeddingOutputTest, Csv) {
  ASSERT_TRUE(write(EmbeddingFormat::kCsv, folder_ / "a").ok());
  EXPECT_EQ(content(folder_ / "a"),
            "index,tokens,truncated,embedding_0,embedding_1\n0,7,false,0.1,-2\n"
            "1,512,true,1e-07,3.5e+20\n");
}

TEST_F(EmbeddingOutputTest, Npy) {
  ASSERT_TRUE(write(EmbeddingFormat::kNpy, folder_ / "a.npy").ok());
  const auto read = tensors::read_tensors(folder_ / "a.npy");
  ASSERT_TRUE(read.ok()) << read.status().message();
  const Tensor& array = read->front().tensor;
  EXPECT_EQ(array.shape(), (Shape{2, 2}));
  EXPECT_EQ(array.data<float>()[0], 0.1F);
  EXPECT_EQ(array.data<float>()[3], 3.5e20F);
}

TEST_F(EmbeddingOutputTest, NothingIsLeftWithoutFinish) {
  for (const auto format : {EmbeddingFormat::kJsonl, EmbeddingFormat::kJson, EmbeddingFormat::kNpy,
                            EmbeddingFormat::kCsv}) {
    ASSERT_TRUE(write(format, folder_ / "a", /*finish=*/false).ok());
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(EmbeddingOutputTest, NpyIntoAPipeNeedsACount) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EmbeddingOutputOptions options{.format = EmbeddingFormat::kNpy, .path = pipe, .size = 2};
  EXPECT_TRUE(needs_count(options));
  const auto writer = open_embedding_writer(options);
  EXPECT_EQ(writer.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(writer.status().message(), HasSubstr("number of rows at its start"));
  options.format = EmbeddingFormat::kCsv;
  EXPECT_FALSE(needs_count(options));
  options = {.format = EmbeddingFormat::kNpy, .path = folder_ / "file.npy", .size = 2};
  EXPECT_FALSE(needs_count(options));
}

TEST_F(EmbeddingOutputTest, AFolderIsNoFile) {
  EXPECT_EQ(write(EmbeddingFormat::kJsonl, folder_).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(write(EmbeddingFormat::kJsonl, folder_ / "no" / "file").code(), StatusCode::kNotFound);
}

TEST(EmbeddingText, EveryNumberReadsBackAsItself) {
  std::mt19937 random(7);
  std::vector<float> numbers{0.0F,
                             -0.0F,
                             std::numeric_limits<float>::min(),
                             std::numeric_limits<float>::denorm_min(),
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest()};
  while (numbers.size() < 2000) {
    const uint32_t bits = random();
    float number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (std::isfinite(number)) numbers.push_back(number);
  }
  std::string line;
  append_json(line, {.embedding = numbers});
  const auto json = parse_json(line);
  ASSERT_TRUE(json.ok()) << json.status().message();
  ASSERT_EQ((*json)["embedding"].size(), numbers.size());
  const char* at = line.data() + line.find('[') + 1;
  for (const float number : numbers) {
    char* end = nullptr;
    const float read = std::strtof(at, &end);
    EXPECT_EQ(std::bit_cast<uint32_t>(read), std::bit_cast<uint32_t>(number)) << number;
    at = end + 1;
  }
}

TEST(EmbeddingText, NotFinite) {
  const std::vector<float> numbers{NAN, 1, -INFINITY};
  std::string json;
  append_json(json, {.embedding = numbers});
  EXPECT_EQ(json, R"({"index":0,"embedding":[null,1,null],"tokens":0,"truncated":false})");
  std::string csv;
  append_csv(csv, {.index = 3, .embedding = numbers});
  EXPECT_EQ(csv, "3,0,false,,1,\n");
}

TEST(EmbeddingFormats, HaveNames) {
  EXPECT_EQ(embedding_format("csv"), EmbeddingFormat::kCsv);
  EXPECT_EQ(embedding_format("npy"), EmbeddingFormat::kNpy);
  EXPECT_TRUE(carries_fields(EmbeddingFormat::kJson));
  EXPECT_FALSE(carries_fields(EmbeddingFormat::kCsv));
}

}  // namespace
}  // namespace accel::cli
