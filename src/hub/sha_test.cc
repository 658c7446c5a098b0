#include "hub/sha.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "hub/sha256_blocks.h"

namespace accel::hub {
namespace {

std::string sha256(std::string_view bytes, size_t step = 1 << 20) {
  Sha256 hash;
  for (size_t at = 0; at < bytes.size(); at += step) hash.add(bytes.substr(at, step));
  return hash.digits();
}

std::string sha1(std::string_view bytes, size_t step = 1 << 20) {
  Sha1 hash;
  for (size_t at = 0; at < bytes.size(); at += step) hash.add(bytes.substr(at, step));
  return hash.digits();
}

constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

// The examples of FIPS 180-4.
TEST(Sha, TheStandardsExamples) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(kTwoBlocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(sha1(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1(kTwoBlocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha, DoesNotDependOnThePieces) {
  const std::string bytes(1000, 'x');
  for (const size_t size : {0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000}) {
    const std::string_view part = std::string_view(bytes).substr(0, size);
    for (const size_t step : {1, 7, 63, 64, 65}) {
      EXPECT_EQ(sha256(part, step), sha256(part)) << size << " by " << step;
      EXPECT_EQ(sha1(part, step), sha1(part)) << size << " by " << step;
    }
  }
}

// Where the processor has instructions for it.
TEST(Sha, BothInnerLoopsAgree) {
  const Sha256Blocks fast = sha256_blocks_fast();
  if (fast == nullptr) GTEST_SKIP() << "no SHA-NI here";
  std::vector<unsigned char> bytes(3200);
  uint32_t seed = 1;
  for (unsigned char& byte : bytes) byte = (seed = seed * 1664525 + 1013904223) >> 24;
  std::array<uint32_t, 8> plain{1, 2, 3, 4, 5, 6, 7, 0xffffffff};
  auto other = plain;
  for (const size_t blocks : {1, 2, 50}) {
    sha256_blocks_plain(plain.data(), bytes.data(), blocks);
    fast(other.data(), bytes.data(), blocks);
    EXPECT_EQ(plain, other) << blocks;
  }
}

}  // namespace
}  // namespace accel::hub
