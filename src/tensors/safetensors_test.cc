#include "tensors/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <fmt/format.h>

#include "tensors/fixtures.h"
#include "tensors/shown.h"

namespace accel::tensors {
namespace {

using testing::HasSubstr;

std::string file_of(std::string_view header, size_t data_bytes) {
  std::string text(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(text.data(), &length, 8);
  return text.append(header) + std::string(data_bytes, '\1');
}

Result<SafetensorsHeader> parse(const std::string& file) {
  return parse_safetensors_header(as_bytes(file), file.size());
}

std::string tensor(std::string_view name, std::string_view dtype, std::string_view shape,
                   uint64_t begin, uint64_t end) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", name, dtype,
                     shape, begin, end);
}

struct Bad {
  std::string_view what;
  std::string file;
  std::string message;  // a part of it
  StatusCode code = StatusCode::kDataLoss;
};

void expect_refused(const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    const Status status = parse(bad.file).status();
    EXPECT_EQ(status.code(), bad.code) << bad.what << ": " << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(bad.message)) << bad.what;
  }
}

TEST(SafetensorsHeader, ReadsEntriesByOffset) {
  const auto header =
      parse(file_of("{" + tensor("b", "F32", "[2]", 4, 12) + "," + tensor("a", "U8", "[4]", 0, 4) +
                        R"(,"__metadata__":{"format":"pt"}}   )",
                    12));
  ASSERT_TRUE(header.ok()) << header.status().to_string();
  ASSERT_EQ(header->entries.size(), 2U);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].shape, Shape{2});
  EXPECT_EQ(header->entries[1].begin, header->data_begin + 4);
  EXPECT_EQ(header->metadata.at("format"), "pt");
}

TEST(SafetensorsHeader, AcceptsWhatTheFormatAllows) {
  EXPECT_TRUE(parse(file_of("{}", 0)).ok());
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":null})", 0)).ok());
  EXPECT_TRUE(parse(file_of(R"({"__metadata__":{}})", 0)).ok());
  const std::string empty_between = "{" + tensor("a", "U8", "[4]", 0, 4) + "," +
                                    tensor("e", "F32", "[0, 7]", 4, 4) + "," +
                                    tensor("b", "U8", "[1]", 4, 5) + "}";
  EXPECT_TRUE(parse(file_of(empty_between, 5)).ok());
  const std::string unknown_fields =
      R"({"a":{"x":{"dtype":[{}],"y":[1,[2]]},"dtype":"U8","shape":[],"z":null,"w":1.5,)"
      R"("data_offsets":[0,1]}})";
  EXPECT_TRUE(parse(file_of(unknown_fields, 1)).ok());
}

TEST(SafetensorsHeader, RefusesTruncatedFiles) {
  const std::string whole = file_of("{" + tensor("a", "F32", "[2]", 0, 8) + "}", 8);
  ASSERT_TRUE(parse(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    const Status status = parse(whole.substr(0, size)).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << size;
    EXPECT_THAT(status.message(), HasSubstr("truncated")) << size;
  }
  expect_refused({
      {"no length", "abc", "expected at least 8 bytes, found 3: the file is truncated"},
      {"half a header", whole.substr(0, 20), "bytes of header, found 12: the file is truncated"},
      {"half the data", whole.substr(0, whole.size() - 3),
       "tensor \"a\" ends at byte 8 of the data, but the file holds only 5 bytes"},
  });
}

TEST(SafetensorsHeader, RefusesALyingLength) {
  std::string huge = file_of("{}", 0);
  std::memset(huge.data(), 0xFF, 8);
  std::string past = file_of("{}", 0);
  past[0] = 3;
  expect_refused({
      {"over the limit", huge, "expected a header of at most 100000000 bytes, found a length of "},
      {"past the end", past, "expected 3 bytes of header, found 2"},
      {"short by one", file_of("{}", 0).replace(0, 1, 1, '\1'), "expected valid JSON"},
      {"empty", file_of("", 4), "found an empty header"},
  });
  const Status oversized = parse(file_of("{" + tensor("a", "U8", "[4]", 0, 4) + "}", 9)).status();
  EXPECT_THAT(oversized.message(), HasSubstr("found 5 bytes more"));
  EXPECT_EQ(oversized.offset(), 8 + tensor("a", "U8", "[4]", 0, 4).size() + 2 + 4);
}

TEST(SafetensorsHeader, RefusesWhatIsNoObject) {
  const std::string dup = R"({"__metadata__":{},"__metadata__":{}})";
  expect_refused({
      {"array", file_of("[1]", 0), "expected a JSON object, which starts with '{' at byte 8"},
      {"space first", file_of(" {}", 0), "expected a JSON object"},
      {"garbage behind", file_of("{} x", 0), "expected valid JSON, found an error at byte 11"},
      {"zero byte behind", file_of(std::string("{}\0 hidden", 10), 0), "a zero byte at byte 10"},
      {"bad UTF-8", file_of("{\"\xFF\":{}}", 0), "expected valid JSON"},
      {"tensor is a number", file_of(R"({"a":1})", 0), "expected tensor \"a\" to be an object"},
      {"tensor is null", file_of(R"({"a":null})", 0), "expected tensor \"a\" to be an object"},
      {"metadata is a list", file_of(R"({"__metadata__":[]})", 0), "__metadata__ to be an object"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"n":1}})", 0),
       "expected the metadata \"n\" to be a text, found 1"},
      {"metadata twice", file_of(dup, 0), "__metadata__ occurs twice"},
      {"metadata key twice", file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
       "the metadata \"k\" occurs twice"},
      {"metadata nested", file_of(R"({"__metadata__":{"k":{}}})", 0), "to be a text, found an obj"},
  });
}

TEST(SafetensorsHeader, RefusesBadFields) {
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return file_of(fmt::format(R"({{"a":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype,
                               shape, offsets),
                   4);
  };
  expect_refused({
      {"unknown type", one("\"F4\"", "[4]", "[0,4]"), "the element type \"F4\" is not supported",
       StatusCode::kUnimplemented},
      {"lower case", one("\"u8\"", "[4]", "[0,4]"), "the element type \"u8\" is not supported",
       StatusCode::kUnimplemented},
      {"type is a number", one("8", "[4]", "[0,4]"), "expected \"dtype\" to be a text, found 8"},
      {"negative", one("\"U8\"", "[-4]", "[0,4]"), "expected dimensions from 0 to 2^63-1"},
      {"fraction", one("\"U8\"", "[4.0]", "[0,4]"), "expected dimensions from 0 to 2^63-1"},
      {"past 63 bits", one("\"U8\"", "[9223372036854775808]", "[0,4]"), "expected dimensions"},
      {"past 64 bits", one("\"U8\"", "[99999999999999999999999]", "[0,4]"), "expected dimensions"},
      {"past all floats", one("\"U8\"", "[1e999]", "[0,4]"), "expected valid JSON"},
      {"nested shape", one("\"U8\"", "[[4]]", "[0,4]"), "expected dimensions"},
      {"shape is a text", one("\"U8\"", "\"4\"", "[0,4]"), "expected \"shape\" to be an array"},
      {"shape is an object", one("\"U8\"", "{}", "[0,4]"), "expected \"shape\" to be an array"},
      {"overflow", one("\"F32\"", "[4294967296,4294967296]", "[0,4]"), "more elements than can be"},
      {"overflow of bytes", one("\"F64\"", "[4611686018427387904]", "[0,4]"), "more elements than"},
      {"one offset", one("\"U8\"", "[4]", "[0]"), "expected two byte counts in \"data_offsets\""},
      {"three offsets", one("\"U8\"", "[4]", "[0,4,4]"), "expected two byte counts"},
      {"negative offset", one("\"U8\"", "[4]", "[-1,4]"), "expected two byte counts"},
      {"no offsets", one("\"U8\"", "[4]", "4"), "expected \"data_offsets\" to be an array"},
      {"reversed", one("\"U8\"", "[4]", "[4,0]"), "data_offsets in rising order, found [4, 0]"},
      {"size lies", one("\"U8\"", "[3]", "[0,4]"),
       "tensor \"a\": u8 of shape [3] takes 3 bytes, but its data_offsets [0, 4] span 4"},
      {"beyond the file", one("\"U8\"", "[9]", "[0,9]"),
       "ends at byte 9 of the data, but the file"},
      {"no dtype", file_of(R"({"a":{"shape":[],"data_offsets":[0,1]}})", 1), "found no dtype"},
      {"no shape", file_of(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1), "found no shape"},
      {"nothing", file_of(R"({"a":{"dtype":"U8","shape":[]}})", 1), "found no data_offsets"},
      {"dtype twice", file_of(R"({"a":{"dtype":"U8","dtype":"U8"}})", 1), "\"dtype\" occurs twice"},
  });
  std::string ranks = "1";
  for (int i = 0; i < 64; ++i) ranks += ",1";
  expect_refused({{"65 dimensions", one("\"U8\"", "[" + ranks + "]", "[0,1]"), "at most 64 dim"}});
}

TEST(SafetensorsHeader, RefusesABadLayout) {
  const auto two = [](std::string_view name, uint64_t begin, uint64_t end) {
    return file_of("{" + tensor("first", "U8", "[4]", 0, 4) + "," +
                       tensor(name, "U8", fmt::format("[{}]", end - begin), begin, end) + "}",
                   8);
  };
  ASSERT_TRUE(parse(two("second", 4, 8)).ok());
  expect_refused({
      {"overlap", two("second", 2, 8),
       "tensor \"second\" starts at byte 2 of the data, inside tensor \"first\""},
      {"same bytes", two("second", 0, 4), "tensors must not overlap"},
      {"empty inside", two("second", 2, 2), "tensors must not overlap"},
      {"hole", two("second", 6, 8), "the 2 bytes before tensor \"second\""},
      {"hole at the start", file_of("{" + tensor("a", "U8", "[4]", 4, 8) + "}", 8),
       "the 4 bytes before tensor \"a\""},
      {"nothing but data", file_of("{}", 3), "found 3 bytes more"},
      {"twice", two("first", 4, 8), "the tensor \"first\" occurs twice"},
  });
}

TEST(SafetensorsHeader, HostileNamesAreTamedInMessages) {
  const std::string name(100000, 'x');
  const Status status = parse(file_of("{" + tensor(name, "NO", "[]", 0, 1) + "}", 1)).status();
  EXPECT_LT(status.message().size(), 400U);
  EXPECT_EQ(shown("\x1B[2J\x7F\xC2\x9Bgr\xC3\xBCn\xFF"),
            "\"\\u001b[2J\\u007f\\u009bgr\xC3\xBCn\xEF\xBF\xBD\"");
}

TEST(SafetensorsHeader, NeverTouchesTheData) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::string header = "{" + tensor("a", "U8", fmt::format("[{}]", page), 0, page) + "}";
  header.resize(page - 8, ' ');
  const std::string file = file_of(header, 0);
  void* memory =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memcpy(memory, file.data(), page);
  ASSERT_EQ(mprotect(static_cast<char*>(memory) + page, page, PROT_NONE), 0);
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(memory), 2 * page);
  EXPECT_TRUE(parse_safetensors_header(bytes, 2 * page).ok());
  EXPECT_TRUE(parse_safetensors_header(bytes.first(page), 2 * page).ok());
  munmap(memory, 2 * page);
}

TEST(Safetensors, ReadsWhatTheReferenceLibraryWrites) {
  const auto file = SafetensorsFile::open(fixture("all_types.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  auto types = numpy_types();
  types.insert(types.end(),
               {{"bf16", DType::kBF16}, {"f8_e4m3", DType::kF8E4M3}, {"f8_e5m2", DType::kF8E5M2}});
  for (const auto& [name, dtype] : types) {
    const Result<Tensor> tensor = file->tensor(name);
    ASSERT_TRUE(tensor.ok()) << tensor.status().to_string();
    expect_equal(*tensor, expected_values(dtype, {2, 3, 4}), name);
  }
  expect_equal(*file->tensor("scalar"), expected_values(DType::kF32, {}), "scalar");
  expect_equal(*file->tensor("empty"), Tensor::allocate(DType::kI64, {0, 5}), "empty");
  EXPECT_EQ(file->entries().size(), types.size() + 2);
  EXPECT_EQ(file->metadata().at("grün"), "\"1\"\n");
  const Status missing = file->tensor("absent").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("no tensor called \"absent\""));
}

TEST(Safetensors, WritesByteForByteWhatTheReferenceLibraryWrites) {
  const Folder folder;
  const auto file = SafetensorsFile::open(fixture("all_types.safetensors"));
  ASSERT_TRUE(file.ok());
  const auto path = folder / "copy.safetensors";
  ASSERT_TRUE(write_safetensors(path, file->tensors(), file->metadata()).ok());
  EXPECT_TRUE(file_text(path) == file_text(fixture("all_types.safetensors")));
}

TEST(Safetensors, ViewsAlignedTensorsAndCopiesOthers) {
  const auto aligned = SafetensorsFile::open(fixture("all_types.safetensors"));
  const auto in = [](const SafetensorsFile& file, const Tensor& tensor) {
    const auto all = file.mapping()->bytes();
    return tensor.bytes().data() >= all.data() && tensor.bytes().data() < all.data() + all.size();
  };
  for (const NamedTensor& named : aligned->tensors()) {
    EXPECT_TRUE(in(*aligned, named.tensor)) << named.name;
  }
  const auto misaligned = SafetensorsFile::open(fixture("misaligned.safetensors"));
  ASSERT_TRUE(misaligned.ok()) << misaligned.status().to_string();
  EXPECT_FALSE(misaligned->find("floats")->aligned);
  const Tensor floats = *misaligned->tensor("floats");
  EXPECT_FALSE(in(*misaligned, floats));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(floats.bytes().data()) % 4, 0U);
  expect_equal(floats, expected_values(DType::kF32, {3}), "floats");
  EXPECT_TRUE(in(*misaligned, *misaligned->tensor("byte")));
}

TEST(Safetensors, TensorsOutliveTheFile) {
  Tensor tensor;
  {
    const auto file = SafetensorsFile::open(fixture("all_types.safetensors"));
    tensor = *file->tensor("f4");
  }
  expect_equal(tensor, expected_values(DType::kF32, {2, 3, 4}), "f4");
}

TEST(Safetensors, WriterAlignsEveryTensor) {
  const Folder folder;
  const auto path = folder / "mixed.safetensors";
  NamedTensors tensors;
  tensors.push_back({"byte", expected_values(DType::kU8, {3})});
  tensors.push_back({"wide", expected_values(DType::kF64, {2})});
  tensors.push_back({"tabs\t\"quoted\"", expected_values(DType::kBF16, {1})});
  tensors.push_back({"none", Tensor()});
  ASSERT_TRUE(write_safetensors(path, tensors).ok());
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  for (const TensorEntry& entry : file->entries()) EXPECT_TRUE(entry.aligned) << entry.name;
  for (const NamedTensor& named : tensors) {
    expect_equal(*file->tensor(named.name), named.tensor, named.name);
  }
}

TEST(Safetensors, WriterRefusesBadNamesAndLeavesNothing) {
  const Folder folder;
  const Tensor tensor = expected_values(DType::kU8, {1});
  const auto message = [&](const NamedTensors& tensors,
                           const std::map<std::string, std::string>& metadata = {}) {
    const Status status = write_safetensors(folder / "x.safetensors", tensors, metadata);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(message({{"a", tensor}, {"a", tensor}}), HasSubstr("found \"a\" twice"));
  EXPECT_THAT(message({{"__metadata__", tensor}}), HasSubstr("reserved by the format"));
  EXPECT_THAT(message({{"\xFF", tensor}}), HasSubstr("a tensor's name in UTF-8"));
  EXPECT_THAT(message({}, {{"k", "\xFF"}}), HasSubstr("a metadata text in UTF-8"));
  EXPECT_TRUE(folder.empty());
}

TEST(Safetensors, ErrorsNameTheFile) {
  const Folder folder;
  const auto path = folder.write("broken.safetensors", "short");
  const Status status = SafetensorsFile::open(path).status();
  EXPECT_THAT(status.message(), HasSubstr("reading " + path.string()));
  EXPECT_EQ(SafetensorsFile::open(folder / "none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace accel::tensors
