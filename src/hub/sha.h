// SHA-256 and SHA-1 (FIPS 180-4), by which a hub names the content of its files: LFS files by the
// SHA-256 of their bytes, small files as git does, by the SHA-1 of "blob SIZE\0" and their bytes.
// SHA-1 tells accidents apart; whoever wants to can make two files of one SHA-1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace accel::hub {

// One owner, one thread. digits() ends it: nothing may be added afterwards.
class Sha256 {
 public:
  void add(std::string_view bytes);
  std::string digits();  // 64 lower-case hexadecimal digits

 private:
  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};
  uint64_t size_ = 0;
};

class Sha1 {
 public:
  void add(std::string_view bytes);
  std::string digits();  // 40 lower-case hexadecimal digits

 private:
  void block(const unsigned char* bytes);
  std::array<uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<unsigned char, 64> rest_{};
  uint64_t size_ = 0;
};

}  // namespace accel::hub
