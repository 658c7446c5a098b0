#include "server/grpc/messages.h"

#include <fmt/format.h>

#include <utility>

#include "base/try.h"

namespace accel::server::grpc {
namespace {

constexpr size_t kPrefixBytes = 5;

uint64_t length_at(std::string_view bytes) {
  uint64_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  return length;
}

Status too_long(uint64_t most) {
  return resource_exhausted(
      fmt::format("expected a message of at most {} bytes, found a longer one", most));
}

}  // namespace

Result<std::optional<std::string>> MessageReader::next() {
  const std::string_view here = std::string_view(rest_).substr(begin_);
  if (here.size() < kPrefixBytes) return std::optional<std::string>();
  const auto flag = static_cast<uint8_t>(here[0]);
  if (flag > 1) {
    return invalid_argument(
        fmt::format("expected a message that begins with 0 or 1, found {}", flag));
  }
  const uint64_t length = length_at(here);
  if (length > bytes_max_) return too_long(bytes_max_);
  if (here.size() < kPrefixBytes + length) return std::optional<std::string>();
  const std::string_view bytes = here.substr(kPrefixBytes, static_cast<size_t>(length));
  std::optional<std::string> message;
  if (flag == 0 && kPrefixBytes + bytes.size() == rest_.size()) {  // alone: it need not be copied
    rest_.erase(0, kPrefixBytes);
    message = std::exchange(rest_, {});
    return message;
  }
  if (flag == 0) {
    message.emplace(bytes);
  } else if (coding_ == http::Coding::kIdentity) {
    return invalid_argument("expected grpc-encoding to say how the message is compressed");
  } else {
    Result<std::string> decoded = http::decode(coding_, bytes, bytes_max_);
    if (!decoded.ok()) {
      return decoded.status().code() == StatusCode::kOutOfRange ? too_long(bytes_max_)
                                                                : decoded.status();
    }
    message = std::move(*decoded);
  }
  begin_ += kPrefixBytes + bytes.size();
  if (begin_ == rest_.size() || begin_ > rest_.size() / 2) {
    rest_.erase(0, begin_);
    begin_ = 0;
    if (rest_.empty()) rest_ = std::string();  // a call that waits holds no memory
  }
  return message;
}

void append_message(std::string_view message, std::string& body) {
  body.reserve(body.size() + kPrefixBytes + message.size());
  body.push_back('\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    body.push_back(static_cast<char>(message.size() >> shift));
  }
  body.append(message);
}

}  // namespace accel::server::grpc
