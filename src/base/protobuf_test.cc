#include "base/protobuf.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <limits>
#include <vector>

namespace accel {
namespace {

// The examples of the encoding's own description.
TEST(Protobuf, WritesWhatItsDescriptionShows) {
  WireWriter writer;
  writer.integer(1, 150);
  writer.text(2, "testing");
  EXPECT_EQ(writer.take(), "\x08\x96\x01\x12\x07testing");
  writer.message(3, [](WireWriter& inner) { inner.integer(1, 150); });
  EXPECT_EQ(writer.take(), "\x1a\x03\x08\x96\x01");
  writer.packed(6, std::array<int64_t, 3>{3, 270, 86942});
  EXPECT_EQ(writer.take(), "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
}

TEST(Protobuf, ReadsWhatItWrote) {
  WireWriter writer;
  writer.integer(1, std::numeric_limits<uint64_t>::max());
  writer.real32(2, -1.5f);
  writer.real64(300, 1e300);
  writer.flag(4, true);
  const std::string message = writer.take();
  WireReader reader(message);
  EXPECT_EQ(reader.next()->value, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(std::bit_cast<float>(static_cast<uint32_t>(reader.next()->value)), -1.5f);
  const auto wide = reader.next();
  ASSERT_TRUE(wide && wide->is(300, WireType::kFixed64));
  EXPECT_EQ(std::bit_cast<double>(wide->value), 1e300);
  EXPECT_EQ(reader.next()->value, 1);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.broken());
}

TEST(Protobuf, PackedNumbersComeOneByOne) {
  WireWriter writer;
  writer.packed(1, std::array<int64_t, 3>{-1, 0, 300});
  const std::string message = writer.take();
  WireReader numbers(WireReader(message).next()->bytes);
  std::vector<int64_t> found;
  while (const auto number = numbers.next_varint()) found.push_back(static_cast<int64_t>(*number));
  EXPECT_EQ(found, (std::vector<int64_t>{-1, 0, 300}));
  EXPECT_FALSE(numbers.broken());
  WireReader cut("\x80");
  EXPECT_FALSE(cut.next_varint());
  EXPECT_TRUE(cut.broken());
}

TEST(Protobuf, WhatIsCutIsBroken) {
  for (const std::string_view bytes : {"\x08", "\x12\x05xyz", "\x0d\x01\x02", "\x0b", "\x07"}) {
    WireReader reader(bytes);
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.broken());
  }
}

}  // namespace
}  // namespace accel
