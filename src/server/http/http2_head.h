// A request's head out of the fields of an HTTP/2 header block (RFC 9113, section 8.3), which the
// framing has found well-formed. As strict as RequestParser in what they share. Pure; one each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/http/refusal.h"

namespace accel::http {

class Http2Head {
 public:
  // Each field counts 32 bytes beside its name and value (section 6.5.2); what is beyond is not
  // kept.
  explicit Http2Head(uint64_t bytes_max) : bytes_left_(bytes_max) {}

  void add(std::string_view name, std::string_view value);
  // Once, behind the last field: `head` is made of them, or it is refused: 400, 417, 431.
  Refusal finish(RequestHead& head);
  bool wants_continue() const { return continues_; }

 private:
  uint64_t bytes_left_;
  bool too_large_ = false;
  bool continues_ = false;
  std::string method_, target_, authority_, cookies_;
  Headers headers_;
};

}  // namespace accel::http
