#include "tensors/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensors/fixtures.h"
#include "tensors/npy.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;

Result<NamedTensors> read_npz(const std::filesystem::path& path, const ZipLimits& limits = {}) {
  const auto file = MappedFile::open(path);
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return read_npz((*file)->bytes(), *file, limits);
}

NamedTensors all_types(bool reversed = false) {
  NamedTensors tensors;
  for (const auto& [name, dtype] : numpy_types()) {
    tensors.push_back({name, expected_values(dtype, {2, 3, 4})});
  }
  if (reversed) std::ranges::reverse(tensors);
  return tensors;
}

TEST(Npz, ReadsWhatNumpyWrites) {
  for (const char* name :
       {"all_types.npz", "compressed.npz", "fortran.npz", "big_endian.npz", "streamed.npz"}) {
    const Result<NamedTensors> tensors = read_npz(fixture(name));
    ASSERT_TRUE(tensors.ok()) << name << ": " << tensors.status().to_string();
    const NamedTensors expected = all_types();
    ASSERT_EQ(tensors->size(), expected.size()) << name;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ((*tensors)[i].name, expected[i].name);
      expect_equal((*tensors)[i].tensor, expected[i].tensor, name + (" " + expected[i].name));
    }
  }
  EXPECT_TRUE(read_npz(fixture("no_arrays.npz"))->empty());
}

TEST(Npz, ReadsUnusualNames) {
  const Result<NamedTensors> tensors = read_npz(fixture("names.npz"));
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  ASSERT_EQ(tensors->size(), 3U);
  expect_equal(*find(*tensors, "a/b"), expected_values(DType::kF32, {2}), "a/b");
  expect_equal(*find(*tensors, "grün"), expected_values(DType::kI64, {3}), "grün");
  expect_equal(*find(*tensors, ""), expected_values(DType::kU8, {1}), "empty");
}

// numpy reads written_by_accel.npz as these tensors; that was seen with numpy 2.4.6, and this test
// sees to it that we still write those bytes.
TEST(Npz, WritesTheFileThatNumpyWasSeenToRead) {
  const Folder folder;
  NamedTensors tensors = all_types(true);
  tensors.push_back({"bf16", expected_values(DType::kBF16, {2, 2})});
  tensors.push_back({"scalar", expected_values(DType::kF32, {})});
  tensors.push_back({"none", Tensor()});
  tensors.push_back({"a/grün", expected_values(DType::kI64, {3})});
  ASSERT_TRUE(write_npz(folder / "out.npz", tensors).ok());
  EXPECT_TRUE(file_text(folder / "out.npz") == file_text(fixture("written_by_accel.npz")));
}

TEST(Npz, ViewsItsOwnFilesAndKeepsThemMapped) {
  const Folder folder;
  const NamedTensors expected = all_types();
  ASSERT_TRUE(write_npz(folder / "out.npz", expected).ok());
  NamedTensors tensors;
  {
    const auto file = *MappedFile::open(folder / "out.npz");
    tensors = *accel::tensors::read_npz(file->bytes(), file);
    const auto* begin = file->bytes().data();
    for (const NamedTensor& named : tensors) {
      EXPECT_GE(named.tensor.bytes().data(), begin) << named.name;
      EXPECT_LT(named.tensor.bytes().data(), begin + file->bytes().size()) << named.name;
    }
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    expect_equal(tensors[i].tensor, expected[i].tensor, expected[i].name);
  }
}

TEST(Npz, RefusesOtherEntriesAndNamesTheArrayAtFault) {
  const Folder folder;
  const auto write = [&](std::string_view name, std::string_view content) {
    auto file = *AtomicFile::create(folder / "x.npz");
    ZipWriter writer(*file);
    EXPECT_TRUE(writer.add("folder/", {}).ok());
    EXPECT_TRUE(writer.add(name, std::vector<std::string_view>{content}).ok());
    EXPECT_TRUE(writer.finish().ok() && file->commit().ok());
    return read_npz(folder / "x.npz").status();
  };
  const Status other = write("data.pkl", "x");
  EXPECT_EQ(other.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(other.message(), HasSubstr("entries that end in .npy, found \"data.pkl\""));
  const Status broken = write("x.npy", "\x93NUMPY");
  EXPECT_EQ(broken.code(), StatusCode::kDataLoss);
  EXPECT_THAT(broken.message(), HasSubstr("array \"x.npy\": NPY header"));
  EXPECT_EQ(read_npz(fixture("compressed.npz"), {.unpacked_bytes_max = 100}).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(Npz, WriterRefusesBadNamesAndLeavesNothing) {
  const Folder folder;
  const Tensor tensor = expected_values(DType::kU8, {1});
  const auto message = [&](const NamedTensors& tensors) {
    const Status status = write_npz(folder / "x.npz", tensors);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(message({{"a", tensor}, {"a", tensor}}), HasSubstr("found \"a\" twice"));
  EXPECT_THAT(message({{"../a", tensor}}), HasSubstr("leaves its folder"));
  EXPECT_THAT(message({{"a", Tensor::allocate(DType::kU8, Shape(65, 1))}}),
              HasSubstr("\"a\" has 65"));
  EXPECT_TRUE(folder.empty());
}

}  // namespace
}  // namespace accel::tensors
