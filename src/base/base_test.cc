#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "accel/precision.h"
#include "accel/status.h"
#include "accel/tensor.h"
#include "base/byte_size.h"
#include "base/files.h"
#include "base/json.h"
#include "base/utf8.h"

namespace accel {
namespace {

namespace fs = std::filesystem;

fs::path fresh_folder() {
  std::string name = (fs::temp_directory_path() / "accel-base-XXXXXX").string();
  return mkdtemp(name.data());
}

TEST(Status, ContextGoesBeforeTheMessageAndKeepsTheCode) {
  const Status status = not_found("no such file").with_context("reading config.json");
  EXPECT_EQ(status.to_string(), "NOT_FOUND: reading config.json: no such file");
  EXPECT_TRUE(Status().with_context("anything").ok());
}

TEST(Status, ExitCodesAreDistinct) {
  std::vector<int> seen;
  for (int code = 0; code <= 16; ++code) seen.push_back(exit_code(static_cast<StatusCode>(code)));
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

// row 321
TEST(Precision, EverySpellingInAnyCase) {
  for (const char* text : {"FP32", "f32", "Float32"}) {
    EXPECT_EQ(*parse_precision(text), Precision::kF32) << text;
  }
  EXPECT_EQ(*parse_precision("BF16"), Precision::kBF16);
  EXPECT_EQ(*parse_precision("FP16"), Precision::kF16);
  EXPECT_EQ(*parse_precision("half"), Precision::kF16);
  EXPECT_EQ(*parse_precision("INT8"), Precision::kI8);
  EXPECT_EQ(*parse_precision("Int4"), Precision::kI4);
  EXPECT_EQ(parse_precision("f33").status().code(), StatusCode::kInvalidArgument);
}

TEST(Tensor, ElementCountRefusesOverflow) {
  EXPECT_EQ(element_count({2, 3}), 6u);
  EXPECT_EQ(element_count({}), 1u);
  EXPECT_EQ(element_count({int64_t{1} << 40, int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(element_count({int64_t{1} << 40, 0, int64_t{1} << 40}), 0u);
  EXPECT_EQ(element_count({-1}), std::nullopt);
}

TEST(Tensor, CopiesShareBytes) {
  const std::vector<float> values{1, 2, 3, 4};
  const Tensor tensor = Tensor::from<float>({2, 2}, values);
  const Tensor copy = tensor.reshaped({4});
  EXPECT_EQ(copy.bytes().data(), tensor.bytes().data());
  EXPECT_EQ(copy.data<float>()[3], 4.0f);
}

TEST(Utf8, FindsAndRepairsAsPythonDoes) {
  EXPECT_EQ(find_invalid_utf8("grün"), std::string_view::npos);
  EXPECT_EQ(find_invalid_utf8("a\xC3("), 1u);
  // Expected texts from Python's bytes.decode('utf-8', 'replace').
  EXPECT_EQ(repair_utf8("a\xE2\x82z").text, "a\xEF\xBF\xBDz");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80").replaced, 3u);
  EXPECT_EQ(repair_utf8("\xF0\x9F\x98").replaced, 1u);
}

TEST(Json, ErrorsCarryTheOffsetAndDepthIsBounded) {
  EXPECT_EQ(parse_json("{\"a\": }").status().offset(), 7u);
  const std::string deep(100000, '[');
  EXPECT_EQ(parse_json(deep).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ((*parse_json("{\"a\": [1, 2]}"))["a"][1], 2);
  EXPECT_EQ(parse_json(std::string_view("{}\0garbage", 10)).status().offset(), 2u);
}

TEST(Files, AtomicFileAppearsOnlyOnCommit) {
  const fs::path folder = fresh_folder();
  const fs::path path = folder / "out.txt";
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->write("half").ok());
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_TRUE(fs::is_empty(folder));
  auto file = AtomicFile::create(path);
  ASSERT_TRUE((*file)->write("whole").ok());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_EQ(*read_file(path, 100), "whole");
  EXPECT_EQ(read_file(path, 2).status().code(), StatusCode::kResourceExhausted);
  fs::remove_all(folder);
}

TEST(Files, AtomicFileLeavesWhatItWasHandedInPlace) {
  const fs::path folder = fresh_folder();
  // As a shell's `{ echo head; accel ... --output /dev/fd/N; } > file`.
  const fs::path path = folder / "out.txt";
  const int handed = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(write_all(handed, "head ", "test").ok());
  const std::string name = "/dev/fd/" + std::to_string(handed);
  EXPECT_FALSE(AtomicFile::replaces(name));
  {
    auto file = AtomicFile::create(name);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_FALSE((*file)->seekable());
    ASSERT_TRUE((*file)->write("tail").ok());
    ASSERT_TRUE((*file)->commit().ok());
  }
  ::close(handed);
  EXPECT_EQ(*read_file(path, 100), "head tail");
  EXPECT_EQ(AtomicFile::create("/dev/fd/1000000").status().code(), StatusCode::kUnknown);

  const fs::path link = folder / "link";
  fs::create_symlink("out.txt", link);
  auto file = AtomicFile::create(link);
  ASSERT_TRUE((*file)->write("new").ok());
  ASSERT_TRUE((*file)->commit().ok());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(*read_file(path, 100), "new");
  fs::remove_all(folder);
}

TEST(Files, FullDiskIsResourceExhausted) {
  auto file = AtomicFile::create("/dev/full");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->write("x").code(), StatusCode::kResourceExhausted);
}

TEST(Files, MappingSaysWhatIsWrong) {
  EXPECT_EQ(MappedFile::open("/nonexistent/file").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(MappedFile::open("/tmp").status().code(), StatusCode::kInvalidArgument);
}

TEST(ParseSize, TakesBytesAndPowersOf1024) {
  EXPECT_EQ(*parse_size("0"), 0);
  EXPECT_EQ(*parse_size("4096"), 4096);
  EXPECT_EQ(*parse_size("3K"), 3072);
  EXPECT_EQ(*parse_size("2T"), uint64_t{2} << 40);
  EXPECT_EQ(*parse_size("4GiB"), uint64_t{4} << 30);
  for (const char* wrong : {"", "K", "-1", "1.5G", "1 G", "1GB", "1x", " 1", "1iB", "1GiBiB",
                            "99999999T", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace accel
