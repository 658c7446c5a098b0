#include "tensors/tensor_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensors/fixtures.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;

TEST(TensorFiles, EveryTypeGoesRoundInEveryFormat) {
  const Folder folder;
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{2, 3, 4}, Shape{3, 0}}) {
    NamedTensors tensors;
    for (const auto& [name, dtype] : numpy_types()) {
      tensors.push_back({name, expected_values(dtype, shape)});
      if (shape.size() != 3) continue;
      ASSERT_TRUE(write_tensors(folder / (name + ".npy"), {tensors.back()}).ok());
      const Result<NamedTensors> read = read_tensors(folder / (name + ".npy"));
      ASSERT_TRUE(read.ok()) << read.status().to_string();
      EXPECT_EQ(read->front().name, name);
      expect_equal(read->front().tensor, tensors.back().tensor, name);
    }
    for (const char* file : {"x.safetensors", "x.NPZ"}) {
      const Status written = write_tensors(folder / file, tensors);
      ASSERT_TRUE(written.ok()) << written.to_string();
      const Result<NamedTensors> read = read_tensors(folder / file);
      ASSERT_TRUE(read.ok()) << read.status().to_string();
      ASSERT_EQ(read->size(), tensors.size());
      for (const NamedTensor& named : tensors) {
        ASSERT_NE(find(*read, named.name), nullptr) << named.name;
        expect_equal(*find(*read, named.name), named.tensor, named.name + " " + file);
      }
    }
  }
  for (const DType dtype : {DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const Tensor tensor = expected_values(dtype, {2, 3});
    ASSERT_TRUE(write_tensors(folder / "x.safetensors", {{"x", tensor}}).ok());
    expect_equal(read_tensors(folder / "x.safetensors")->front().tensor, tensor, to_string(dtype));
    ASSERT_TRUE(write_tensors(folder / "x.npz", {{"x", tensor}}).ok());
    expect_equal(read_tensors(folder / "x.npz")->front().tensor,
                 *convert_dtype(tensor, DType::kF32), to_string(dtype));
  }
}

TEST(TensorFiles, TheContentTellsTheFormat) {
  const Folder folder;
  for (const char* name : {"all_types.safetensors", "all_types.npz", "matrix.npy"}) {
    const auto path = folder.write("other.bin", file_text(fixture(name)));
    const Result<NamedTensors> read = read_tensors(path);
    EXPECT_TRUE(read.ok()) << name << ": " << read.status().to_string();
  }
}

TEST(TensorFiles, WhatIsNoTensorFileIsSaid) {
  const Folder folder;
  const auto message = [&](std::string_view name, std::string_view text) {
    const auto path = folder.write(name, text);
    const Status status = read_tensors(path).status();
    EXPECT_THAT(status.message(), HasSubstr("reading " + path.string()));
    return status.message();
  };
  EXPECT_THAT(message("x.txt", "Hello, world"),
              HasSubstr("found one that starts with \"Hello, w\""));
  EXPECT_THAT(message("x.txt", ""), HasSubstr("it is empty"));
  EXPECT_THAT(message("x.npy", "Hello, world"), HasSubstr("starts with \\x93NUMPY"));
  EXPECT_THAT(message("x.npz", "Hello, world"), HasSubstr("ZIP archive"));
  EXPECT_THAT(message("x.safetensors", "abc"), HasSubstr("the file is truncated"));
  EXPECT_EQ(read_tensors(folder / "none.npz").status().code(), StatusCode::kNotFound);
}

TEST(TensorFiles, TheSuffixTellsWhatToWrite) {
  const Folder folder;
  const Tensor tensor = expected_values(DType::kF32, {2});
  const Status unknown = write_tensors(folder / "x.bin", {{"a", tensor}});
  EXPECT_EQ(unknown.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.message(), HasSubstr(".safetensors, .npz or .npy (one tensor)"));
  const Status two = write_tensors(folder / "x.npy", {{"a", tensor}, {"b", tensor}});
  EXPECT_EQ(two.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(two.message(), HasSubstr("exactly one tensor, found 2; choose .npz or"));
  EXPECT_TRUE(folder.empty());
}

}  // namespace
}  // namespace accel::tensors
