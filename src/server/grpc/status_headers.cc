#include "server/grpc/status_headers.h"

#include <charconv>
#include <string>
#include <string_view>

namespace accel::server::grpc {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr int kLastCode = static_cast<int>(StatusCode::kUnauthenticated);

// Printable ASCII but '%' stands as it is.
std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return encoded;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      decoded.push_back(static_cast<char>(value));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

}  // namespace

http::Headers status_headers(const Status& status) {
  http::Headers headers = {{"grpc-status", std::to_string(static_cast<int>(status.code()))}};
  if (!status.ok()) headers.push_back({"grpc-message", percent_encoded(status.message())});
  return headers;
}

Status status_of(const http::Headers& headers) {
  const std::string_view text = http::find(headers, "grpc-status");
  int code = -1;
  std::from_chars(text.data(), text.data() + text.size(), code);
  if (code == 0) return {};
  if (code < 0 || code > kLastCode) return {StatusCode::kUnknown, "the answer has no status"};
  return {static_cast<StatusCode>(code), percent_decoded(http::find(headers, "grpc-message"))};
}

}  // namespace accel::server::grpc
