// What stands before an answer's body. Pure but for the date.
#pragma once

#include <ctime>
#include <string>

#include "server/http/message.h"

namespace accel::http {

// What the client is that is answered, and what becomes of its connection.
struct AnswerContext {
  bool http_1_0 = false;
  bool to_head = false;  // of a HEAD request, whose answer has no body
  bool keep_alive = true;
};

// How its end is seen.
enum class Framing { kNone, kLength, kChunked, kClose };

// kNone: such an answer has no body, whatever its length says.
Framing framing_of(const ResponseHead& head, const AnswerContext& context);

// Status line, Date, and what is said of length and connection, then `head`'s own headers. Line
// ends and zero bytes in values become spaces; headers whose name is none, and those that the
// connection says itself, are left out.
std::string head_text(const ResponseHead& head, const AnswerContext& context, std::time_t now);

// The same for HTTP/2: ":status" and "date", "content-length" where it is known, then `head`'s own
// headers, in lower case, without those that only HTTP/1 knows.
Headers head_fields(const ResponseHead& head, std::time_t now);
// Likewise the headers behind a body.
Headers trailer_fields(const Headers& trailers);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::time_t now);

}  // namespace accel::http
