#include "server/gate/shown_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace accel::server {
namespace {

constexpr size_t kKeyBytesMax = 512;

Status unauthenticated(std::string message) {
  return {StatusCode::kUnauthenticated, std::move(message)};
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_bearer(std::string_view scheme) {
  return std::ranges::equal(scheme, std::string_view("bearer"), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Result<std::string_view> checked(std::string_view key) {
  const bool plain = key.size() <= kKeyBytesMax &&
                     std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (plain) return key;
  return unauthenticated(fmt::format(
      "expected a key of at most {} letters, digits and signs, found another text", kKeyBytesMax));
}

}  // namespace

Result<std::string_view> shown_key(const http::Headers& headers) {
  const std::string_view credentials = trimmed(http::find(headers, "authorization"));
  if (!credentials.empty()) {
    const size_t space = std::min(credentials.find_first_of(" \t"), credentials.size());
    if (!is_bearer(credentials.substr(0, space))) {
      return unauthenticated(
          "expected Authorization: Bearer KEY, found another kind of credentials (Basic is not "
          "taken)");
    }
    return checked(trimmed(credentials.substr(space)));
  }
  const std::string_view key = trimmed(http::find(headers, "x-api-key"));
  return checked(key.empty() ? trimmed(http::find(headers, "api-key")) : key);
}

}  // namespace accel::server
