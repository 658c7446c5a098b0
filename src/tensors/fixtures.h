// For the tests of this folder: the files and numbers of tools/make_tensor_fixtures.py, and a
// folder to write into.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "accel/tensor.h"
#include "base/files.h"
#include "tensors/convert.h"

namespace accel::tensors {

inline std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(ACCEL_TEST_DATA) / "tensors" / name;
}

inline std::string file_text(const std::filesystem::path& path) {
  const Result<std::string> text = read_file(path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status().to_string();
  return text.ok() ? *text : std::string();
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view chars_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.byte_size()};
}

// The numbers of the fixtures: (37 i + 11) mod 100, shifted or scaled to fit the type.
inline Tensor expected_values(DType dtype, Shape shape) {
  std::vector<double> numbers(*element_count(shape));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto step = static_cast<double>((i * 37 + 11) % 100);
    if (dtype == DType::kBool) {
      numbers[i] = static_cast<int>(step) % 3 == 0;
    } else if (is_floating(dtype)) {
      numbers[i] = step / 8 - 6;
    } else {
      numbers[i] = step - (to_string(dtype).front() == 'i' ? 50 : 0);
    }
  }
  return *convert_dtype(Tensor::from<double>(std::move(shape), numbers), dtype);
}

inline void expect_equal(const Tensor& tensor, const Tensor& expected, std::string_view what) {
  EXPECT_EQ(to_string(tensor.dtype()), to_string(expected.dtype())) << what;
  EXPECT_EQ(tensor.shape(), expected.shape()) << what;
  EXPECT_EQ(chars_of(tensor), chars_of(expected)) << what;
}

// A folder of its own, removed with its content at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "accel-tensors-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  bool empty() const { return std::filesystem::is_empty(path_); }

  std::filesystem::path write(std::string_view name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// The dtypes under the names that the fixtures use.
inline const std::vector<std::pair<std::string, DType>>& numpy_types() {
  static const std::vector<std::pair<std::string, DType>> types{
      {"bool", DType::kBool}, {"u1", DType::kU8},  {"i1", DType::kI8},  {"u2", DType::kU16},
      {"i2", DType::kI16},    {"u4", DType::kU32}, {"i4", DType::kI32}, {"u8", DType::kU64},
      {"i8", DType::kI64},    {"f2", DType::kF16}, {"f4", DType::kF32}, {"f8", DType::kF64}};
  return types;
}

}  // namespace accel::tensors
