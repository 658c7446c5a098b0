#include "tensors/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>

#include "tensors/fixtures.h"
#include "tensors/tensor_files.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;

Tensor read_one(std::string_view name) {
  const Result<NamedTensors> file = read_tensors(fixture(name));
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return file.ok() && file->size() == 1 ? file->front().tensor : Tensor();
}

std::string npy_of(std::string_view dict, size_t data_bytes, char major = 1) {
  std::string text(kNpyMagic);
  text += {major, '\0', static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)};
  if (major > 1) text += std::string(2, '\0');
  return text.append(dict) + std::string(data_bytes, '\1');
}

Result<NpyHeader> parse_npy(std::string_view file) {
  return parse_npy_header(as_bytes(file), file.size());
}

TEST(Npy, ReadsEveryVersionAndOrder) {
  const Tensor matrix = expected_values(DType::kF32, {3, 5});
  for (const char* name :
       {"matrix.npy", "version2.npy", "version3.npy", "python2.npy", "fortran_big_endian.npy"}) {
    expect_equal(read_one(name), matrix, name);
  }
  expect_equal(read_one("vector.npy"), expected_values(DType::kF32, {5}), "vector");
  expect_equal(read_one("empty.npy"), Tensor::allocate(DType::kI64, {0, 5}), "empty");
  expect_equal(read_one("scalar.npy"), Tensor::from<double>({}, std::vector<double>{2.5}),
               "scalar");
}

TEST(Npy, WritesByteForByteWhatNumpyWrites) {
  const Folder folder;
  for (const char* name : {"matrix.npy", "vector.npy", "scalar.npy", "empty.npy"}) {
    ASSERT_TRUE(write_npy(folder / name, read_one(name)).ok());
    EXPECT_EQ(file_text(folder / name), file_text(fixture(name))) << name;
  }
}

TEST(Npy, TypesThatNumpyLacksAreWrittenAsF32) {
  const Folder folder;
  for (const DType dtype : {DType::kBF16, DType::kF8E4M3, DType::kF8E5M2}) {
    const Tensor small = expected_values(dtype, {4});
    ASSERT_TRUE(write_npy(folder / "small.npy", small).ok());
    const std::string text = file_text(folder / "small.npy");
    const Tensor read = *read_npy(as_bytes(text), nullptr);
    expect_equal(read, *convert_dtype(small, DType::kF32), to_string(dtype));
  }
}

TEST(Npy, RefusesWhatAccelLacks) {
  const auto message = [](std::string_view name) {
    const Status status = read_tensors(fixture(name)).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << name;
    return status.message();
  };
  EXPECT_THAT(message("complex.npy"), HasSubstr("the element type \"<c8\" is not supported"));
  EXPECT_THAT(message("objects.npy"), HasSubstr("objects would run code when loaded"));
  EXPECT_THAT(message("records.npy"), HasSubstr("records (a list in 'descr') are not supported"));
  const Status version = parse_npy(npy_of("{}", 0, 4)).status();
  EXPECT_THAT(version.message(), HasSubstr("version 4.0 is not supported"));
}

TEST(Npy, RefusesEveryTruncation) {
  for (const char* name : {"matrix.npy", "version2.npy"}) {
    const std::string whole = file_text(fixture(name));
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(parse_npy(std::string_view(whole).substr(0, size)).status().code(),
                StatusCode::kDataLoss)
          << name << " " << size;
    }
    EXPECT_THAT(parse_npy(whole.substr(0, whole.size() - 1)).status().message(),
                HasSubstr("takes 60 bytes of data, found 59: the file is truncated"));
    EXPECT_THAT(parse_npy(whole + "x").status().message(),
                HasSubstr("found 61: the file is too long"));
  }
}

struct BadNpy {
  std::string_view dict;
  std::string_view message;
};

TEST(Npy, RefusesBadHeaders) {
  for (const BadNpy& bad : std::vector<BadNpy>{
           {"", "expected a Python dict at byte 10, found its end"},
           {"[]", "expected a Python dict at byte 10"},
           {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
            "expected ',' or '}' at byte"},
           {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "nothing after the dict"},
           {"{'descr': '<f4', 'shape': (1,)}", "found no 'fortran_order'"},
           {"{'fortran_order': False, 'shape': (1,)}", "found no 'descr'"},
           {"{'descr': '<f4', 'fortran_order': False}", "found no 'shape'"},
           {"{'descr': '<f4', 'descr': '<f4'}", "the key \"descr\" occurs twice"},
           {"{'more': 1}",
            "expected the keys 'descr', 'fortran_order' and 'shape', found \"more\""},
           {"{'descr' '<f4'}", "expected ':' at byte 19"},
           {"{descr: 1}", "expected a key in quotes, or '}' at byte 11"},
           {"{'descr: 1}", "expected a text that ends at byte 11"},
           {"{'descr': 4}", "expected an element type in quotes"},
           {"{'fortran_order': 0}", "expected True or False"},
           {"{'shape': 1}", "expected a tuple of dimensions"},
           {"{'shape': (1)}", "expected ',' after the only dimension"},
           {"{'shape': (1, 2 3)}", "expected ',' or ')'"},
           {"{'shape': (-1,)}", "expected a dimension from 0 to 2^63-1"},
           {"{'shape': (9223372036854775808,)}", "expected a dimension from 0 to 2^63-1"},
           {"{'shape': (x,)}", "expected a dimension"},
           {"{'descr':'<f4','fortran_order':False,'shape':(4294967296,4294967296)}",
            "more elements than can be counted"},
           {"{'descr':'<f8','fortran_order':False,'shape':(4611686018427387904,)}",
            "more elements than can be counted"},
           {"{'descr':'<f4','fortran_order':False,'shape':(2,)}", "takes 8 bytes of data, found 4"},
       }) {
    const Status status = parse_npy(npy_of(bad.dict, 4)).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << bad.dict;
    EXPECT_THAT(status.message(), HasSubstr(std::string(bad.message))) << bad.dict;
  }
  EXPECT_THAT(parse_npy("not numpy").status().message(),
              HasSubstr("starts with \\x93NUMPY, found"));
  EXPECT_THAT(parse_npy("").status().message(), HasSubstr("found an empty file"));
  std::string ranks;
  for (int i = 0; i < 65; ++i) ranks += "1,";
  EXPECT_THAT(parse_npy(npy_of("{'shape':(" + ranks + ")}", 0)).status().message(),
              HasSubstr("at most 64 dimensions"));
  std::string lying = file_text(fixture("version2.npy"));
  lying[11] = '\x7F';
  EXPECT_THAT(parse_npy(lying).status().message(),
              HasSubstr("expected a header of at most 65536 bytes"));
}

TEST(Npy, ViewsWhatItCan) {
  const std::string text = file_text(fixture("matrix.npy"));
  std::vector<std::byte> memory(text.size() + 1);
  std::memcpy(memory.data(), text.data(), text.size());
  const std::span<const std::byte> bytes(memory);
  const auto owner = std::make_shared<int>(0);
  const Tensor view = *read_npy(bytes.first(text.size()), owner);
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_EQ(view.bytes().data(), memory.data() + text.size() - 60);
  std::memmove(memory.data() + 1, memory.data(), text.size());
  const Tensor copy = *read_npy(bytes.subspan(1), owner);
  expect_equal(copy, expected_values(DType::kF32, {3, 5}), "misaligned");
}

TEST(NpyRowWriter, CountsTheRowsItself) {
  const Folder folder;
  const Tensor matrix = expected_values(DType::kF32, {3, 5});
  auto writer = NpyRowWriter::create(folder / "rows.npy", {.dtype = DType::kF32, .row = {5}});
  ASSERT_TRUE(writer.ok()) << writer.status().to_string();
  EXPECT_EQ(writer->row_bytes(), 20U);
  ASSERT_TRUE(writer->write(matrix.bytes().first(40)).ok());
  ASSERT_TRUE(writer->write(matrix.bytes().subspan(40)).ok());
  EXPECT_EQ(writer->write(matrix.bytes().first(19)).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(folder / "rows.npy"));
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_EQ(file_text(folder / "rows.npy"), file_text(fixture("matrix.npy")));
}

TEST(NpyRowWriter, NoRowsIsAValidFileAndNoFinishIsNone) {
  const Folder folder;
  {
    auto writer = NpyRowWriter::create(folder / "none.npy", {.dtype = DType::kI64, .row = {5}});
    ASSERT_TRUE(writer->finish().ok());
    EXPECT_EQ(file_text(folder / "none.npy"), file_text(fixture("empty.npy")));
    std::filesystem::remove(folder / "none.npy");
    auto dropped = NpyRowWriter::create(folder / "none.npy", {.dtype = DType::kI64, .row = {5}});
    ASSERT_TRUE(dropped.ok());
  }
  EXPECT_TRUE(folder.empty());
}

TEST(NpyRowWriter, APipeNeedsTheNumberOfRows) {
  const Folder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const Status refused = NpyRowWriter::create(pipe, {.dtype = DType::kF32, .row = {5}}).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("states its number of rows at its start"));

  const Tensor matrix = expected_values(DType::kF32, {3, 5});
  auto writer = NpyRowWriter::create(pipe, {.dtype = DType::kF32, .row = {5}, .rows = 3});
  ASSERT_TRUE(writer.ok()) << writer.status().to_string();
  ASSERT_TRUE(writer->write(matrix.bytes()).ok());
  ASSERT_TRUE(writer->finish().ok());
  std::string text(1000, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, read(reader, text.data(), text.size()))));
  EXPECT_EQ(text, file_text(fixture("matrix.npy")));

  auto short_of = NpyRowWriter::create(pipe, {.dtype = DType::kF32, .row = {5}, .rows = 4});
  ASSERT_TRUE(short_of->write(matrix.bytes()).ok());
  const Status broken = short_of->finish();
  EXPECT_EQ(broken.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(broken.message(), HasSubstr("4 were promised"));
  close(reader);
}

TEST(NpyRowWriter, RefusesRowsThatNpyCannotHold) {
  const Folder folder;
  const auto message = [&](NpyRowWriter::Options options) {
    const Status status = NpyRowWriter::create(folder / "x.npy", std::move(options)).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(message({.dtype = DType::kBF16, .row = {1}}), HasSubstr("no element type bf16"));
  EXPECT_THAT(message({.dtype = DType::kF32, .row = {0}}), HasSubstr("at least one element"));
  EXPECT_THAT(message({.dtype = DType::kF32, .row = {-1}}), HasSubstr("the shape [?]"));
  EXPECT_THAT(message({.dtype = DType::kF32, .row = Shape(64, 1)}), HasSubstr("allows 64"));
  EXPECT_EQ(write_npy(folder / "x.npy", Tensor::allocate(DType::kU8, Shape(65, 1))).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(folder.empty());
}

}  // namespace
}  // namespace accel::tensors
