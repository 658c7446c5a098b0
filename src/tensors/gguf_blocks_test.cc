#include "tensors/gguf_blocks.h"

#include <gtest/gtest.h>

#include <bit>

#include "base/try.h"
#include "tensors/fixtures.h"
#include "tensors/npz.h"

namespace accel::tensors {
namespace {

Result<NamedTensors> read_blocks() {
  ACCEL_ASSIGN(auto file,
               MappedFile::open(std::filesystem::path(ACCEL_TEST_DATA) / "gguf" / "blocks.npz"));
  return read_npz(file->bytes(), file);
}

std::vector<const BlockFormat*> packed_formats() {
  std::vector<const BlockFormat*> formats;
  for (uint32_t id = 0; id < 64; ++id) {
    const BlockFormat* format = find_block_format(id);
    if (format != nullptr && format->split != nullptr) formats.push_back(format);
  }
  return formats;
}

// Random blocks (tools/make_gguf.py), and what the reference makes of them, bit for bit; zeros of
// either sign are alike.
TEST(GgufBlocks, NumbersEqualTheReferences) {
  const auto tensors = read_blocks();
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  size_t compared = 0;
  for (const BlockFormat* format : packed_formats()) {
    const std::string name(format->name);
    const Tensor* packed = find(*tensors, name);
    if (packed == nullptr) {
      EXPECT_EQ(name, "Q8_K");  // which the reference does not read
      continue;
    }
    const Tensor* values = find(*tensors, name + ".values");
    ASSERT_NE(values, nullptr) << name;
    ASSERT_EQ(packed->shape()[1], format->bytes) << name;
    ASSERT_EQ(values->shape()[1], format->elements) << name;
    std::vector<float> unpacked(values->count());
    unpack_blocks(*format, packed->bytes(), unpacked);
    const auto expected = values->data<float>();
    for (size_t i = 0; i < unpacked.size(); ++i) {
      ASSERT_EQ(unpacked[i], expected[i]) << name << " number " << i;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 23U);
}

TEST(GgufBlocks, IntegersKeepToTheirRange) {
  const auto tensors = read_blocks();
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  for (const BlockFormat* format : packed_formats()) {
    const Tensor* packed = find(*tensors, format->name);
    if (packed == nullptr) continue;
    for (size_t at = 0; at < packed->byte_size(); at += format->bytes) {
      std::vector<int8_t> q(format->elements);
      std::vector<float> scales(format->elements / format->group);
      std::vector<float> offsets(scales.size());
      format->split(packed->bytes().data() + at, {q.data(), scales.data(), offsets.data()});
      for (const int8_t each : q) {
        EXPECT_GE(each, format->least) << format->name;
        EXPECT_LE(each, format->most) << format->name;
      }
    }
  }
}

TEST(GgufBlocks, EightBitsBehindAnF32) {
  const BlockFormat* format = find_block_format(15);
  std::string block(format->bytes, '\0');
  const float scale = 0.5F;
  std::memcpy(block.data(), &scale, sizeof scale);
  block[4] = 3;
  block[259] = static_cast<char>(-128);
  std::vector<float> unpacked(format->elements);
  unpack_blocks(*format, as_bytes(block), unpacked);
  EXPECT_EQ(unpacked.front(), 1.5F);
  EXPECT_EQ(unpacked.back(), -64.0F);
}

TEST(GgufBlocks, TypesThatAreNotThere) {
  for (const uint32_t id : {4U, 5U, 31U, 36U, 42U, 1000U}) {
    EXPECT_EQ(find_block_format(id), nullptr) << id;
  }
  EXPECT_FALSE(find_block_format(9)->is_read());
  EXPECT_FALSE(find_block_format(41)->is_read());
}

}  // namespace
}  // namespace accel::tensors
