#include "server/http/answer_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace accel::http {
namespace {

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_said_by_connection(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name == "content-length" || name == "connection" || name == "transfer-encoding" ||
         name == "date";
}

// The same for all answers of a second.
const std::string& date_line(std::time_t now) {
  struct Line {
    std::time_t second = -1;
    std::string text;
  };
  thread_local Line line;
  if (line.second != now) line = {.second = now, .text = "Date: " + http_date(now) + "\r\n"};
  return line.text;
}

}  // namespace

Framing framing_of(const ResponseHead& head, const AnswerContext& context) {
  if (context.to_head || has_no_body(head.status)) return Framing::kNone;
  if (head.length) return Framing::kLength;
  return context.http_1_0 ? Framing::kClose : Framing::kChunked;
}

std::string head_text(const ResponseHead& head, const AnswerContext& context, std::time_t now) {
  std::string text;
  text.reserve(256);
  fmt::format_to(std::back_inserter(text), "HTTP/1.1 {} {}\r\n", head.status,
                 reason_of(head.status));
  text += date_line(now);
  if (!has_no_body(head.status)) {
    if (head.length) {
      fmt::format_to(std::back_inserter(text), "Content-Length: {}\r\n", *head.length);
    } else if (!context.http_1_0) {
      text += "Transfer-Encoding: chunked\r\n";
    }
  }
  if (!context.keep_alive) {
    text += "Connection: close\r\n";
  } else if (context.http_1_0) {
    text += "Connection: keep-alive\r\n";
  }
  for (const Header& header : head.headers) {
    if (!is_header_name(header.name) || is_said_by_connection(header.name)) continue;
    text += header.name;
    text += ": ";
    std::ranges::transform(header.value, std::back_inserter(text),
                           [](char c) { return c == '\r' || c == '\n' || c == '\0' ? ' ' : c; });
    text += "\r\n";
  }
  text += "\r\n";
  return text;
}

std::string http_date(std::time_t now) {
  // Not strftime, which speaks the language of the locale.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm at = {};
  gmtime_r(&now, &at);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[at.tm_wday], at.tm_mday,
                     kMonths[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

}  // namespace accel::http
