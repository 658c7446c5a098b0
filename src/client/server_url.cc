#include "client/server_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace accel::client {

Result<ServerUrl> parse_server_url(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  const auto refused = [&](std::string_view found) {
    return invalid_argument(fmt::format(
        "expected the URL of a server, as http://host:8000, https://host or unix:/path, found {}",
        found));
  };
  if (text.starts_with(kUnix)) {
    const std::string path(text.substr(kUnix.size()));
    if (path.empty() || path.find('\0') != std::string::npos) return refused(json_quote(text));
    return ServerUrl{.shown = std::string(text), .base = "http://localhost", .unix_socket = path};
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  const size_t scheme = text.find("://");
  const std::string_view name = text.substr(0, scheme);
  if (scheme == std::string_view::npos || (name != "http" && name != "https")) {
    return refused(json_quote(text));
  }
  const std::string_view rest = text.substr(scheme + 3);
  if (rest.find('@') != std::string_view::npos) return refused("one with a user's name");
  const bool plain = std::ranges::all_of(
      rest, [](unsigned char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#'; });
  if (rest.empty() || rest.front() == '/' || rest.front() == ':' || !plain) {
    return refused(json_quote(text));
  }
  return ServerUrl{.shown = std::string(text), .base = std::string(text)};
}

}  // namespace accel::client
