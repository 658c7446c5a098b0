#include "tensors/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tensors/fixtures.h"

namespace accel::tensors {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Bytes of a file, put together by hand.
class Bytes {
 public:
  template <class T>
  Bytes& number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& u32(uint32_t value) { return number(value); }
  Bytes& u64(uint64_t value) { return number(value); }
  Bytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  Bytes& text(std::string_view text) { return u64(text.size()).raw(text); }
  Bytes& pad(size_t to) {
    text_.resize((text_.size() + to - 1) / to * to);
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

Bytes head(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
  return Bytes().raw("GGUF").u32(version).u64(tensors).u64(entries);
}

// A tensor [2, 3] of f32.
Bytes& add_tensor(Bytes& file, std::string_view name, uint64_t offset) {
  return file.text(name).u32(2).u64(3).u64(2).u32(0).u64(offset);
}

Status refusal(const std::string& file) {
  const auto header = parse_gguf(as_bytes(file));
  EXPECT_FALSE(header.ok());
  return header.status();
}

TEST(Gguf, ReadsWhatItsOwnPackageWrites) {
  const auto file = GgufFile::open(std::filesystem::path(ACCEL_TEST_DATA) / "gguf" / "small.gguf");
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  EXPECT_EQ(file->find("general.architecture")->text(), "llama");
  for (const char* kind :
       {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"}) {
    EXPECT_EQ(file->find(fmt::format("x.{}", kind))->integer(), 7) << kind;
    EXPECT_EQ(file->find(fmt::format("x.{}", kind))->number(), 7.0) << kind;
  }
  EXPECT_EQ(file->find("x.float32")->number(), 0.5);
  EXPECT_EQ(file->find("x.float64")->number(), 0.5);
  EXPECT_EQ(file->find("x.float64")->integer(), std::nullopt);
  EXPECT_EQ(file->find("x.bool")->flag(), true);
  EXPECT_EQ(file->find("x.bool")->integer(), std::nullopt);
  EXPECT_THAT(*file->find("x.texts")->texts(), ElementsAre("a", "bc"));
  EXPECT_THAT(*file->find("x.numbers")->integers(), ElementsAre(1, 2, 3));
  EXPECT_THAT(*file->find("x.numbers")->numbers(), ElementsAre(1, 2, 3));
  EXPECT_EQ(file->find("x.numbers")->texts(), std::nullopt);
  EXPECT_EQ(file->find("x.nested")->element, GgufType::kArray);
  EXPECT_EQ(file->find("x.nested")->count, 2U);
  EXPECT_EQ(file->find("x.nested")->numbers(), std::nullopt);
  EXPECT_EQ(file->find("absent"), nullptr);

  ASSERT_EQ(file->tensors().size(), 2U);
  const GgufTensor& plain = file->tensors()[0];
  EXPECT_EQ(plain.name, "a");
  EXPECT_EQ(plain.shape, (Shape{2, 3}));
  EXPECT_EQ(plain.format->name, "F32");
  EXPECT_EQ(file->bytes(plain).size(), 24U);
  const GgufTensor& packed = file->tensors()[1];
  EXPECT_EQ(packed.shape, (Shape{2, 32}));
  EXPECT_EQ(packed.format->name, "Q4_0");
  EXPECT_EQ(file->bytes(packed).size(), 36U);
}

TEST(Gguf, VersionsAndPredecessors) {
  EXPECT_TRUE(parse_gguf(as_bytes(head(0, 0, 2).str())).ok());
  EXPECT_TRUE(parse_gguf(as_bytes(head(0, 0, 3).str())).ok());
  const auto version = [](uint32_t number) { return refusal(head(0, 0, number).str()); };
  EXPECT_THAT(version(1).message(), HasSubstr("version 2 or 3, found 1"));
  EXPECT_THAT(version(4).message(), HasSubstr("found 4"));
  EXPECT_THAT(version(0x0300'0000).message(), HasSubstr("big endian"));
  for (const uint32_t each : {1U, 4U, 0x0300'0000U}) {
    EXPECT_EQ(version(each).code(), StatusCode::kUnimplemented);
  }
  EXPECT_EQ(refusal("tjgg" + std::string(20, '\0')).code(), StatusCode::kUnimplemented);
  EXPECT_EQ(refusal("PK\3\4").code(), StatusCode::kDataLoss);
  EXPECT_EQ(refusal("").code(), StatusCode::kDataLoss);
}

TEST(Gguf, EveryCutIsNoticed) {
  Bytes file = head(1, 2);
  file.text("general.name").u32(8).text("x").text("list").u32(9).u32(8).u64(2).text("a").text("b");
  add_tensor(file, "t", 0).pad(32).raw(std::string(24, '\1'));
  ASSERT_TRUE(parse_gguf(as_bytes(file.str())).ok());
  for (size_t size = 0; size < file.str().size(); ++size) {
    const Status status = refusal(file.str().substr(0, size));
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << size;
    EXPECT_TRUE(status.offset().has_value()) << size;
  }
}

TEST(Gguf, CountsBeyondTheFile) {
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  EXPECT_THAT(refusal(head(kHuge, 0).str()).message(), HasSubstr("numbers that fit"));
  EXPECT_THAT(refusal(head(0, kHuge).str()).message(), HasSubstr("numbers that fit"));
  const auto said_of = [](const Bytes& value) {
    return refusal(head(0, 1).text("k").raw(value.str()).pad(64).str()).message();
  };
  EXPECT_THAT(said_of(Bytes().u32(8).u64(kHuge)), HasSubstr("a text of"));
  EXPECT_THAT(said_of(Bytes().u32(9).u32(0).u64(kHuge)), HasSubstr("inside the file"));
  EXPECT_THAT(said_of(Bytes().u32(9).u32(8).u64(kHuge)), HasSubstr("inside the file"));
  EXPECT_THAT(said_of(Bytes().u32(9).u32(9).u64(kHuge)), HasSubstr("inside the file"));
  EXPECT_THAT(said_of(Bytes().u32(13)), HasSubstr("a type of value from 0 to 12, found 13"));
}

TEST(Gguf, ArraysInArraysHaveAnEnd) {
  Bytes file = head(0, 1);
  file.text("k").u32(9);
  for (int i = 0; i < 100; ++i) file.u32(9).u64(1);
  EXPECT_THAT(refusal(file.str()).message(), HasSubstr("deep"));
}

TEST(Gguf, NamesComeOnce) {
  const std::string twice = head(0, 2).text("k").u32(7).raw("\1").text("k").u32(7).raw("\1").str();
  EXPECT_THAT(refusal(twice).message(), HasSubstr("\"k\" comes a second time"));
  Bytes file = head(2, 0);
  add_tensor(file, "t", 0);
  add_tensor(file, "t", 32).pad(32).raw(std::string(64, '\1'));
  EXPECT_THAT(refusal(file.str()).message(), HasSubstr("\"t\" comes a second time"));
}

struct BadGguf {
  std::string_view what;
  Bytes tensor;
  std::string message;
};

TEST(Gguf, TensorsThatCannotBe) {
  constexpr uint64_t kHuge = uint64_t{1} << 40;
  const std::vector<BadGguf> cases{
      {"rank", Bytes().text("t").u32(5), "at most 4 dimensions, found 5"},
      {"type", Bytes().text("t").u32(1).u64(32).u32(4).u64(0), "its type 4 is not known"},
      {"row", Bytes().text("t").u32(1).u64(33).u32(2).u64(0), "a multiple of 32 numbers (Q4_0)"},
      {"size", Bytes().text("t").u32(2).u64(kHuge).u64(kHuge).u32(0).u64(0), "found shape"},
      {"negative", Bytes().text("t").u32(1).u64(~uint64_t{0}).u32(0).u64(0), "found shape"},
      {"large", Bytes().text("t").u32(1).u64(kHuge).u32(0).u64(0), "inside the file"},
      {"offset", Bytes().text("t").u32(1).u64(1).u32(0).u64(kHuge), "inside the file"},
      {"behind", Bytes().text("t").u32(1).u64(8).u32(0).u64(64), "before the end"},
      {"aligned", Bytes().text("t").u32(1).u64(1).u32(0).u64(4), "a multiple of 32, found 4"},
  };
  for (const BadGguf& bad : cases) {
    const Status status =
        refusal(head(1, 0).raw(bad.tensor.str()).pad(32).raw(std::string(64, '\1')).str());
    EXPECT_THAT(status.message(), HasSubstr(bad.message)) << bad.what;
    EXPECT_TRUE(status.offset().has_value()) << bad.what;
  }
}

TEST(Gguf, TensorsDoNotOverlap) {
  Bytes file = head(2, 0);
  add_tensor(file, "one", 0).text("two").u32(1).u64(16).u32(0).u64(0);
  file.pad(32).raw(std::string(64, '\1'));
  EXPECT_THAT(refusal(file.str()).message(),
              AllOf(HasSubstr("do not overlap"), HasSubstr("\"one\""), HasSubstr("\"two\"")));
}

TEST(Gguf, AlignmentIsTheFiles) {
  const auto aligned = [](uint32_t alignment, uint64_t offset) {
    Bytes file = head(2, 1);
    file.text("general.alignment").u32(4).u32(alignment);
    add_tensor(file, "one", 0);
    add_tensor(file, "two", offset);
    return file.pad(alignment == 0 ? 8 : alignment).raw(std::string(48, '\1')).str();
  };
  const auto header = parse_gguf(as_bytes(aligned(8, 24)));
  ASSERT_TRUE(header.ok()) << header.status().to_string();
  EXPECT_EQ(header->tensors[1].begin, header->data_begin + 24);
  EXPECT_THAT(refusal(aligned(24, 24)).message(), HasSubstr("a power of two"));
  EXPECT_THAT(refusal(aligned(0, 24)).message(), HasSubstr("a power of two"));
}

}  // namespace
}  // namespace accel::tensors
