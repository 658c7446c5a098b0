#include "hub/sha.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hub/sha256_blocks.h"

namespace accel::hub {
namespace {

constexpr size_t kShaBlock = 64;

uint32_t big_endian(const unsigned char* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | static_cast<uint32_t>(at[3]);
}

Sha256Blocks chosen_blocks() {
  static const Sha256Blocks fast = sha256_blocks_fast();
  return fast != nullptr ? fast : sha256_blocks_plain;
}

// Hands whole blocks of what was kept and of `bytes` to `block`, and keeps the rest.
template <class Block>
void add_blocks(std::array<unsigned char, kShaBlock>& rest, uint64_t& size, std::string_view bytes,
                Block block) {
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  const size_t kept = size % kShaBlock;
  size += left;
  if (kept > 0) {
    const size_t taken = std::min(left, kShaBlock - kept);
    std::memcpy(rest.data() + kept, from, taken);
    if (kept + taken < kShaBlock) return;
    block(rest.data(), 1);
    from += taken;
    left -= taken;
  }
  if (const size_t whole = left / kShaBlock; whole > 0) {
    block(from, whole);
    from += whole * kShaBlock;
    left -= whole * kShaBlock;
  }
  if (left > 0) std::memcpy(rest.data(), from, left);
}

// What stands behind the last byte: one bit, zeros to the end of a block but for the size in bits.
std::string padding(uint64_t size) {
  std::string text(1, '\x80');
  while ((size + text.size()) % kShaBlock != kShaBlock - 8) text += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(size * 8 >> shift & 0xff);
  return text;
}

template <size_t N>
std::string hexadecimal(const std::array<uint32_t, N>& words) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint32_t word : words) {
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[word >> shift & 15];
  }
  return text;
}

}  // namespace

const uint32_t kSha256Rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void Sha256::add(std::string_view bytes) {
  add_blocks(rest_, size_, bytes, [this](const unsigned char* at, size_t blocks) {
    chosen_blocks()(state_.data(), at, blocks);
  });
}

std::string Sha256::digits() {
  add(padding(size_));
  return hexadecimal(state_);
}

void sha256_blocks_plain(uint32_t* state, const unsigned char* bytes, size_t blocks) {
  for (; blocks > 0; --blocks, bytes += kShaBlock) {
    std::array<uint32_t, 64> w;
    for (size_t i = 0; i < 16; ++i) w[i] = big_endian(bytes + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t a = w[i - 15];
      const uint32_t b = w[i - 2];
      w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
             (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    std::array<uint32_t, 8> now;
    std::copy_n(state, now.size(), now.begin());
    auto& [a, b, c, d, e, f, g, h] = now;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                           ((e & f) ^ (~e & g)) + kSha256Rounds[i] + w[i];
      const uint32_t two =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
    }
    for (size_t i = 0; i < now.size(); ++i) state[i] += now[i];
  }
}

void Sha1::add(std::string_view bytes) {
  add_blocks(rest_, size_, bytes, [this](const unsigned char* at, size_t blocks) {
    for (; blocks > 0; --blocks, at += kShaBlock) block(at);
  });
}

std::string Sha1::digits() {
  add(padding(size_));
  return hexadecimal(state_);
}

void Sha1::block(const unsigned char* bytes) {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; ++i) w[i] = big_endian(bytes + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = state_;
  for (size_t i = 0; i < 80; ++i) {
    uint32_t mixed = b ^ c ^ d;
    uint32_t constant = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
    if (i < 20) {
      mixed = (b & c) | (~b & d);
      constant = 0x5a827999;
    } else if (i >= 40 && i < 60) {
      mixed = (b & c) | (b & d) | (c & d);
      constant = 0x8f1bbcdc;
    }
    const uint32_t next = std::rotl(a, 5) + mixed + e + constant + w[i];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  const std::array<uint32_t, 5> more{a, b, c, d, e};
  for (size_t i = 0; i < more.size(); ++i) state_[i] += more[i];
}

}  // namespace accel::hub
