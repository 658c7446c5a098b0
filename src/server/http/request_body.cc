#include "server/http/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace accel::http {

Refusal too_long(uint64_t bytes_max, uint64_t found) {
  return {.status = 413,
          .why = fmt::format("expected a body of at most {} bytes, found {}", bytes_max, found)};
}

Refusal find_rule(const Exchange& exchange, const std::string& content_encoding, uint64_t length,
                  BodyRule& rule) {
  rule.bytes_max = exchange.body_bytes_max();
  if (length > rule.bytes_max) return too_long(rule.bytes_max, length);
  const std::optional<Coding> coding = parse_coding(content_encoding);
  if (!coding) {
    return {.status = 415,
            .why = "expected gzip, deflate or identity in Content-Encoding, found another",
            .headers = {{.name = "accept-encoding", .value = "gzip, deflate"}}};
  }
  rule.coding = *coding;
  return {};
}

std::string joined_values(const Headers& headers, std::string_view name) {
  std::string joined;
  for (const Header& header : headers) {
    if (header.name != name) continue;
    if (!joined.empty()) joined += ", ";
    joined += header.value;
  }
  return joined;
}

void make_body_room(std::string& body, size_t size, uint64_t length) {
  if (size + kSpareBytes <= body.capacity()) return;
  const uint64_t room = std::min<uint64_t>(length, std::max(size, 2 * body.size()));
  body.reserve(std::max(size, static_cast<size_t>(room)) + kSpareBytes);
}

Refusal finish_body(const BodyRule& rule, std::string& body) {
  if (rule.coding != Coding::kIdentity && !body.empty()) {
    Result<std::string> decoded = decode(rule.coding, body, rule.bytes_max);
    if (!decoded.ok()) {
      const bool large = decoded.status().code() == StatusCode::kOutOfRange;
      return {.status = large ? 413 : 400, .why = decoded.status().message()};
    }
    body = std::move(*decoded);
  }
  body.reserve(body.size() + kSpareBytes);
  return {};
}

}  // namespace accel::http
