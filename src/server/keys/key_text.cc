#include "server/keys/key_text.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/base64.h"

namespace accel::server {

Result<std::string> new_key_text() {
  constexpr size_t kRandomBytes = 32;
  std::array<unsigned char, kRandomBytes> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return unavailable("expected random bits of the system for a key, found none");
  }
  std::string text = base64_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  std::erase(text, '=');
  return "accel-" + text;
}

std::string key_hash(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string digits;
  digits.reserve(2 * digest.size());
  for (const unsigned char byte : digest)
    fmt::format_to(std::back_inserter(digits), "{:02x}", byte);
  return digits;
}

bool is_key_hash(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == size_t{2} * SHA256_DIGEST_LENGTH && std::ranges::all_of(text, is_digit);
}

}  // namespace accel::server
