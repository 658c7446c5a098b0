#include "server/http/answer_head.h"

#include <fmt/format.h>

#include <algorithm>

namespace accel::http {
namespace {

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_said_by_connection(std::string_view lower_name) {
  return lower_name == "content-length" || lower_name == "connection" ||
         lower_name == "transfer-encoding" || lower_name == "date";
}

bool is_of_http_1(std::string_view lower_name) {
  return lower_name == "keep-alive" || lower_name == "proxy-connection" || lower_name == "upgrade";
}

std::string on_one_line(std::string_view value) {
  std::string line(value);
  std::ranges::replace_if(
      line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return line;
}

void append_fields(const Headers& headers, Headers& fields) {
  for (const Header& header : headers) {
    std::string name = lower_case(header.name);
    if (!is_header_name(name) || is_said_by_connection(name) || is_of_http_1(name)) continue;
    std::string value = on_one_line(header.value);
    value.erase(value.find_last_not_of(" \t") + 1);  // RFC 9113, section 8.2.1
    value.erase(0, value.find_first_not_of(" \t"));
    fields.push_back({.name = std::move(name), .value = std::move(value)});
  }
}

// The same for all answers of a second.
const std::string& date_of(std::time_t now) {
  struct Date {
    std::time_t second = -1;
    std::string text;
  };
  thread_local Date date;
  if (date.second != now) date = {.second = now, .text = http_date(now)};
  return date.text;
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
  text.append("Date: ").append(date_of(now)).append("\r\n");
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
    if (!is_header_name(header.name) || is_said_by_connection(lower_case(header.name))) {
      continue;
    }
    text.append(header.name).append(": ").append(on_one_line(header.value)).append("\r\n");
  }
  text += "\r\n";
  return text;
}

Headers head_fields(const ResponseHead& head, std::time_t now) {
  Headers fields;
  fields.reserve(head.headers.size() + 3);
  fields.push_back({.name = ":status", .value = std::to_string(head.status)});
  fields.push_back({.name = "date", .value = date_of(now)});
  if (head.length && !has_no_body(head.status)) {
    fields.push_back({.name = "content-length", .value = std::to_string(*head.length)});
  }
  append_fields(head.headers, fields);
  return fields;
}

Headers trailer_fields(const Headers& trailers) {
  Headers fields;
  append_fields(trailers, fields);
  return fields;
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
