// gRPC's messages, as they lie one after another in the body of a call: of each whether it is
// compressed (a byte), its length (four bytes, the highest first) and its own bytes. Pure, and safe
// on hostile bytes. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/http/coding.h"

namespace accel::server::grpc {

// Takes a body as it comes and gives its messages.
class MessageReader {
 public:
  // `coding`: of compressed messages; a message is `bytes_max` at most, decoded.
  MessageReader(http::Coding coding, uint64_t bytes_max) : coding_(coding), bytes_max_(bytes_max) {}

  void add(std::string_view bytes) { rest_.append(bytes); }
  // The next message that is whole; none: more bytes are needed. RESOURCE_EXHAUSTED as soon as a
  // message says that it is too long, INVALID_ARGUMENT for bytes that are no message. After an
  // error there is nothing more.
  Result<std::optional<std::string>> next();
  // Whether no byte of a message waits for others.
  bool empty() const { return begin_ == rest_.size(); }
  // Bytes that were added and not given yet.
  size_t waiting() const { return rest_.size() - begin_; }

 private:
  const http::Coding coding_;
  const uint64_t bytes_max_;
  std::string rest_;
  size_t begin_ = 0;  // of the next message in `rest_`
};

// Appends `message` to a body, as it is.
void append_message(std::string_view message, std::string& body);

}  // namespace accel::server::grpc
