#include "server/http/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "server/http/target.h"

namespace accel::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::http::error;

constexpr size_t kHeadersMax = 256;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Of "a , chunked, b": whether "chunked" is one of the codings.
bool lists_chunked(std::string_view codings) {
  while (!codings.empty()) {
    const size_t end = std::min(codings.find(','), codings.size());
    if (without_blanks(codings.substr(0, end)) == "chunked") return true;
    codings.remove_prefix(std::min(end + 1, codings.size()));
  }
  return false;
}

// "HTTP/2.0" and the like at the end of a request line, rather than something else.
bool names_another_version(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\r'));
  const size_t at = line.rfind(' ');
  if (at == std::string_view::npos) return false;
  const std::string_view version = line.substr(at + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return false;
  return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) &&
         version[6] == '.' && digit(version[7]);
}

// A line's end without "\r", for which Beast would wait on.
bool has_bare_line_end(std::string_view bytes) {
  for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return true;
  }
  return false;
}

}  // namespace

class RequestParser::Parser : public beast::http::basic_parser<true> {
 public:
  explicit Parser(uint64_t head_bytes_max) : head_bytes_max_(head_bytes_max) {
    // Beast's limit is one of each stretch that it is given; read_head() counts them all.
    header_limit(static_cast<uint32_t>(std::min<uint64_t>(head_bytes_max, UINT32_MAX)));
    body_limit(boost::none);
  }

  Progress read_head(std::string& bytes);
  Progress read_chunks(std::string& bytes, std::string& body, uint64_t body_bytes_max);

  Refusal refusal;
  RequestHead head;
  bool http_1_0 = false;
  bool persistent = false;
  bool in_chunks = false;
  bool continues = false;

 private:
  Progress refuse(int status, std::string why) {
    if (refusal.status == 0) refusal = {.status = status, .why = std::move(why)};
    return Progress::kRefused;
  }
  // From within Beast, which then stops.
  void refuse(int status, std::string why, error_code& code) {
    refuse(status, std::move(why));
    code = error::bad_value;
  }
  // Feeds it once, and says what to do next.
  Progress feed(std::string& bytes, size_t size);
  Progress failed(const error_code& code, std::string_view bytes);
  // The headers that say where a request ends, and whom it is for.
  void check_framing(error_code& code);
  void check_length(error_code& code);
  void check_transfer_coding(error_code& code);

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code& code) override;
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& code) override;
  void on_header_impl(error_code& code) override;
  void on_chunk_header_impl(uint64_t size, beast::string_view extensions,
                            error_code& code) override;
  size_t on_chunk_body_impl(uint64_t, beast::string_view bytes, error_code&) override {
    body_->append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(beast::string_view bytes, error_code&) override { return bytes.size(); }
  void on_finish_impl(error_code&) override {}

  const uint64_t head_bytes_max_;
  uint64_t head_bytes_ = 0;  // taken so far
  bool begun_ = false;
  std::string_view fed_;  // what Beast has before it
  std::string* body_ = nullptr;
  uint64_t body_bytes_max_ = 0;
};

RequestParser::Progress RequestParser::Parser::feed(std::string& bytes, size_t size) {
  fed_ = std::string_view(bytes).substr(0, size);
  error_code code;
  const size_t taken = put(boost::asio::const_buffer(bytes.data(), size), code);
  if (code && code != error::need_more) return failed(code, bytes);
  bytes.erase(0, taken);
  head_bytes_ += taken;
  return code ? Progress::kMore : Progress::kDone;
}

RequestParser::Progress RequestParser::Parser::failed(const error_code& code,
                                                      std::string_view bytes) {
  if (code == error::header_limit) {
    return refuse(431,
                  fmt::format("expected at most {} bytes of headers, found more", head_bytes_max_));
  }
  if (code == error::bad_version && names_another_version(bytes)) {
    return refuse(505, "expected HTTP/1.1 or HTTP/1.0, found another version");
  }
  return refuse(400,
                fmt::format("expected a request of HTTP/1.1, found another: {}", code.message()));
}

RequestParser::Progress RequestParser::Parser::read_head(std::string& bytes) {
  if (!begun_) {  // one empty line before a request is forgiven (RFC 9112, section 2.2)
    if (bytes.empty() || bytes == "\r") return Progress::kMore;
    if (bytes.starts_with("\r\n")) {
      bytes.erase(0, 2);
      head_bytes_ += 2;
    }
    begun_ = true;
  }
  if (bytes.empty()) return Progress::kMore;
  const uint64_t left = head_bytes_max_ - std::min(head_bytes_, head_bytes_max_);
  const size_t size = static_cast<size_t>(std::min<uint64_t>(bytes.size(), left));
  const Progress progress = feed(bytes, size);
  if (progress == Progress::kRefused) return progress;
  if (is_header_done()) return Progress::kDone;
  if (has_bare_line_end(bytes)) return failed(error::bad_line_ending, bytes);
  if (head_bytes_ + bytes.size() >= head_bytes_max_) return failed(error::header_limit, bytes);
  return Progress::kMore;
}

RequestParser::Progress RequestParser::Parser::read_chunks(std::string& bytes, std::string& body,
                                                           uint64_t body_bytes_max) {
  body_ = &body;
  body_bytes_max_ = body_bytes_max;
  eager(true);
  // "0\r\n\r\n" is taken at once, and Beast asserts that it is not shown fewer bytes of it.
  constexpr size_t kEndBytes = 5;
  if (bytes.size() < kEndBytes) return Progress::kMore;
  const Progress progress = feed(bytes, bytes.size());
  if (progress == Progress::kRefused) return progress;
  if (is_done()) return Progress::kDone;
  if (bytes.size() > head_bytes_max_) return failed(error::header_limit, bytes);
  return Progress::kMore;
}

void RequestParser::Parser::on_request_impl(beast::http::verb, beast::string_view method,
                                            beast::string_view target, int version,
                                            error_code& code) {
  head.method = view(method);
  http_1_0 = version == 10;
  Result<Target> parsed = accel::http::parse_target(view(target));
  if (!parsed.ok()) return refuse(400, parsed.status().message(), code);
  head.path = std::move(parsed->path);
  head.query = std::move(parsed->query);
}

void RequestParser::Parser::on_field_impl(beast::http::field, beast::string_view name,
                                          beast::string_view value, error_code& code) {
  // Beast unfolds lines that were broken: the value then lies elsewhere, or behind a line's end.
  const char* const behind = name.data() + name.size();
  const std::less<const char*> before;
  const bool here = !before(value.data(), behind) &&
                    !before(fed_.data() + fed_.size(), value.data() + value.size());
  if (!here || std::string_view(behind, value.data()).find('\n') != std::string_view::npos) {
    return refuse(400, "expected each header on one line, found a folded one", code);
  }
  if (is_header_done()) return;  // trailers: nobody asks for them
  if (head.headers.size() == kHeadersMax) {
    return refuse(431, fmt::format("expected at most {} headers, found more", kHeadersMax), code);
  }
  head.headers.push_back({.name = lower_case(view(name)), .value = std::string(view(value))});
}

void RequestParser::Parser::on_header_impl(error_code& code) {
  persistent = keep_alive();
  in_chunks = beast::http::basic_parser<true>::chunked();
  check_framing(code);
  if (code) return;
  const auto hosts = std::ranges::count(head.headers, "host", &Header::name);
  if (hosts > 1 || (hosts == 0 && !http_1_0)) {
    return refuse(400, fmt::format("expected one Host header, found {}", hosts), code);
  }
  if (!is_host(find(head.headers, "host"))) {
    return refuse(400, "expected a host and port in the Host header, found others", code);
  }
  const std::string_view expect = find(head.headers, "expect");
  if (expect.empty() || http_1_0) return;  // which may not know what it asks for
  if (lower_case(expect) != "100-continue") {
    return refuse(417, "expected \"100-continue\" in the Expect header, found another", code);
  }
  continues = in_chunks || head.content_length.value_or(0) > 0;
}

void RequestParser::Parser::check_framing(error_code& code) {
  const auto lengths = std::ranges::count(head.headers, "content-length", &Header::name);
  const auto codings = std::ranges::count(head.headers, "transfer-encoding", &Header::name);
  if (lengths > 0 && codings > 0) {
    return refuse(400, "expected Content-Length or Transfer-Encoding, found both", code);
  }
  if (lengths > 1 || codings > 1) {
    return refuse(400, "expected one Content-Length or Transfer-Encoding, found several", code);
  }
  if (lengths == 1) check_length(code);
  if (codings == 1) check_transfer_coding(code);
}

void RequestParser::Parser::check_length(error_code& code) {
  const std::string_view text = find(head.headers, "content-length");
  uint64_t length = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return refuse(400, "expected one number in Content-Length, found another text", code);
  }
  head.content_length = length;
}

void RequestParser::Parser::check_transfer_coding(error_code& code) {
  if (http_1_0) {
    return refuse(400, "expected no Transfer-Encoding in HTTP/1.0, found one", code);
  }
  const std::string text = lower_case(find(head.headers, "transfer-encoding"));
  if (text == "chunked" && in_chunks) return;
  // One that is followed by "chunked" or stands alone could be known to others.
  const size_t last = text.rfind(',');
  const bool ends_chunked =
      last != std::string::npos && without_blanks(text.substr(last + 1)) == "chunked";
  if (lists_chunked(ends_chunked ? std::string_view(text).substr(0, last) : text)) {
    return refuse(400, "expected \"chunked\" once and last in Transfer-Encoding", code);
  }
  refuse(501, "expected \"chunked\" as the only Transfer-Encoding, found another", code);
}

void RequestParser::Parser::on_chunk_header_impl(uint64_t size, beast::string_view extensions,
                                                 error_code& code) {
  const bool control = std::ranges::any_of(view(extensions), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (control) return refuse(400, "expected no control character beside a chunk's size", code);
  if (size > body_bytes_max_ - std::min<uint64_t>(body_->size(), body_bytes_max_)) {
    refuse(413, fmt::format("expected at most {} bytes of a body, found more", body_bytes_max_),
           code);
  }
}

RequestParser::RequestParser(uint64_t head_bytes_max)
    : parser_(std::make_unique<Parser>(head_bytes_max)) {}
RequestParser::~RequestParser() = default;

RequestParser::Progress RequestParser::read_head(std::string& bytes) {
  return parser_->read_head(bytes);
}
RequestParser::Progress RequestParser::read_chunks(std::string& bytes, std::string& body,
                                                   uint64_t body_bytes_max) {
  return parser_->read_chunks(bytes, body, body_bytes_max);
}
const Refusal& RequestParser::refusal() const { return parser_->refusal; }
RequestHead RequestParser::take_head() { return std::move(parser_->head); }
bool RequestParser::is_http_1_0() const { return parser_->http_1_0; }
bool RequestParser::keep_alive() const { return parser_->persistent; }
bool RequestParser::chunked() const { return parser_->in_chunks; }
bool RequestParser::wants_continue() const { return parser_->continues; }

}  // namespace accel::http
