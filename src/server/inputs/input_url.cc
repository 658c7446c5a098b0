#include "server/inputs/input_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/base64.h"
#include "base/try.h"
#include "server/inputs/ip_address.h"

namespace accel::server {
namespace {

constexpr size_t kHostBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;
constexpr size_t kShownUrlBytesMax = 80;

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, small);
}

Status wrong_url(std::string_view expected, std::string_view found) {
  return invalid_argument(
      fmt::format("expected {}, found '{}'", expected, found.substr(0, kShownUrlBytesMax)));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_host_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

// Whether some reader of URLs may take a name for a number: "127.1", "0x7f000001", "1.2.3.0x4".
bool looks_like_number(std::string_view name) {
  const size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return !last.empty() && is_digit(last.front()) &&
         (last.starts_with("0x") || std::ranges::all_of(last, is_digit));
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kHostBytesMax) return false;
  while (true) {
    const size_t dot = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kLabelBytesMax || label.front() == '-' ||
        !std::ranges::all_of(label, is_host_character)) {
      return false;
    }
    if (dot == name.size()) return true;
    name.remove_prefix(dot + 1);
  }
}

std::optional<int> hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char low = small(c);
  if (low >= 'a' && low <= 'f') return low - 'a' + 10;
  return std::nullopt;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_value(text[i + 2]) : std::nullopt;
    if (!low) return wrong_url("two hexadecimal digits behind '%'", text.substr(i, 3));
    bytes += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return bytes;
}

bool is_url_character(char c) { return c > ' ' && c < 0x7f && c != '\\'; }

}  // namespace

InputScheme scheme_of(std::string_view media) {
  if (starts_with_any_case(media, "https://") || starts_with_any_case(media, "http://")) {
    return InputScheme::kHttp;
  }
  if (starts_with_any_case(media, "data:")) return InputScheme::kData;
  return starts_with_any_case(media, "file:") ? InputScheme::kFile : InputScheme::kNone;
}

Result<HostName> parse_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    const auto address = parse_ip_address(text.substr(1, text.size() - 2));
    if (!address || address->is_v4()) return wrong_url("an address of IPv6 in brackets", text);
    return HostName{.name = address->text(), .address = true};
  }
  std::string name(text);
  std::ranges::transform(name, name.begin(), small);
  if (!is_name(name)) return wrong_url("a host's name or address", text);
  if (!looks_like_number(name)) return HostName{.name = std::move(name)};
  const auto address = parse_ip_address(name);
  if (!address) return wrong_url("an address as 192.0.2.1, or a host's name", text);
  return HostName{.name = address->text(), .address = true};
}

Result<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error == std::errc() && rest == end && port > 0) return port;
  return wrong_url("a port from 1 to 65535", text);
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  if (text.size() > kInputUrlBytesMax) {
    return invalid_argument(fmt::format("expected a URL of at most {} bytes, found {}",
                                        kInputUrlBytesMax, text.size()));
  }
  if (!std::ranges::all_of(text, is_url_character)) {
    return invalid_argument(
        "expected a URL of plain characters, others written as %20, found one with a blank, a "
        "backslash, a control character or one beyond ASCII");
  }
  HttpUrl url{.tls = starts_with_any_case(text, "https://")};
  if (!url.tls && !starts_with_any_case(text, "http://")) {
    return wrong_url("a URL of http or https", text);
  }
  text.remove_prefix(url.tls ? 8 : 7);
  text = text.substr(0, text.find('#'));
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view place = text.substr(0, end);
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (place.find('@') != std::string_view::npos) {
    return invalid_argument("expected a URL without a user's name, found one with '@'");
  }
  url.port = url.usual_port();
  const size_t colon = place.rfind(':');
  if (colon != std::string_view::npos && place.find(']', colon) == std::string_view::npos) {
    ACCEL_ASSIGN(url.port, parse_port(place.substr(colon + 1)));
    place = place.substr(0, colon);
  }
  ACCEL_ASSIGN(HostName host, parse_host(place));
  url.host = std::move(host.name);
  url.address = host.address;
  return url;
}

std::string HttpUrl::origin() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls ? "https" : "http", bracketed ? "[" : "", host,
                     bracketed ? "]" : "", port);
}

std::string HttpUrl::shown() const { return origin() + target.substr(0, target.find('?')); }

std::string HttpUrl::text() const { return origin() + target; }

Result<std::string> bytes_of_data_url(std::string_view text) {
  constexpr std::string_view kBase64 = ";base64";
  const size_t comma = text.find(',');
  if (!starts_with_any_case(text, "data:") || comma == std::string_view::npos) {
    return wrong_url("data:image/png;base64,... or the like", text);
  }
  const std::string_view head = text.substr(0, comma);
  const std::string_view content = text.substr(comma + 1);
  const bool coded = head.size() >= kBase64.size() &&
                     starts_with_any_case(head.substr(head.size() - kBase64.size()), kBase64);
  std::string decoded;
  if (!coded || content.find('%') != std::string_view::npos) {
    ACCEL_ASSIGN(decoded, percent_decoded(content));
  }
  if (!coded) return decoded;
  std::optional<std::string> bytes = bytes_of_base64(decoded.empty() ? content : decoded);
  if (!bytes) return invalid_argument("expected base64 behind the comma of a data URL, found none");
  return std::move(*bytes);
}

Result<std::string> path_of_file_url(std::string_view text) {
  constexpr std::string_view kExpected = "a file's URL, as file:///folder/image.png";
  if (!starts_with_any_case(text, "file:") || text.size() > kInputUrlBytesMax) {
    return wrong_url(kExpected, text);
  }
  std::string_view rest = text.substr(5);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view host = rest.substr(0, slash);
    if (!host.empty() && !(host.size() == 9 && starts_with_any_case(host, "localhost"))) {
      return wrong_url(kExpected, text);
    }
    rest.remove_prefix(slash);
  }
  if (rest.find_first_of("?#") != std::string_view::npos) return wrong_url(kExpected, text);
  ACCEL_ASSIGN(std::string path, percent_decoded(rest));
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return wrong_url(kExpected, text);
  }
  return path;
}

}  // namespace accel::server
