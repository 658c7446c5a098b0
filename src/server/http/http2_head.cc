#include "server/http/http2_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/http/target.h"

namespace accel::http {
namespace {

constexpr uint64_t kFieldBytes = 32;

bool is_number(std::string_view text, uint64_t& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace

void Http2Head::add(std::string_view name, std::string_view value) {
  const uint64_t bytes = kFieldBytes + name.size() + value.size();
  too_large_ = too_large_ || bytes > bytes_left_;
  if (too_large_) return;
  bytes_left_ -= bytes;
  if (name == ":method") {
    method_ = value;
  } else if (name == ":path") {
    target_ = value;
  } else if (name == ":authority") {
    authority_ = value;
  } else if (name == "cookie") {  // clients may send each by itself, to compress better
    if (!cookies_.empty()) cookies_ += "; ";
    cookies_ += value;
  } else if (!name.starts_with(':')) {
    headers_.push_back({.name = std::string(name), .value = std::string(value)});
  }
}

Refusal Http2Head::finish(RequestHead& head) {
  head.method = std::move(method_);
  if (too_large_) return {.status = 431, .why = "expected shorter headers, found too many bytes"};
  Result<Target> target = parse_target(target_);
  if (!target.ok()) return {.status = 400, .why = target.status().message()};
  const auto hosts = std::ranges::count(headers_, "host", &Header::name);
  const std::string_view host = find(headers_, "host");
  if (hosts > 1 || (hosts == 1 && !authority_.empty() && host != authority_)) {
    return {.status = 400, .why = "expected one host in :authority and Host, found two"};
  }
  if (!is_host(authority_) || !is_host(host)) {
    return {.status = 400, .why = "expected a host and port in :authority, found others"};
  }
  uint64_t length = 0;
  const std::string_view length_text = find(headers_, "content-length");
  if (!length_text.empty()) {
    if (!is_number(length_text, length)) {
      return {.status = 400, .why = "expected one number in Content-Length, found another text"};
    }
    head.content_length = length;
  }
  const std::string_view expect = find(headers_, "expect");
  continues_ = lower_case(expect) == "100-continue";
  if (!expect.empty() && !continues_) {
    return {.status = 417, .why = "expected \"100-continue\" in the Expect header, found another"};
  }
  if (hosts == 0) headers_.push_back({.name = "host", .value = std::move(authority_)});
  if (!cookies_.empty()) headers_.push_back({.name = "cookie", .value = std::move(cookies_)});
  head.path = std::move(target->path);
  head.query = std::move(target->query);
  head.headers = std::move(headers_);
  head.http2 = true;
  return {};
}

}  // namespace accel::http
