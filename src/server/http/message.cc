#include "server/http/message.h"

#include <algorithm>

namespace accel::http {
namespace {

class WholeAnswer : public Exchange {
 public:
  explicit WholeAnswer(Response response) : response_(std::move(response)) {}

  uint64_t body_bytes_max() const override { return 0; }
  void begin(std::string) override {}
  std::optional<Part> try_next() override {
    if (given_) return std::nullopt;
    given_ = true;
    ResponseHead head{.status = response_.status,
                      .headers = std::move(response_.headers),
                      .length = response_.body.size()};
    return Part{.head = std::move(head), .body = std::move(response_.body)};
  }
  bool ended() const override { return given_; }
  void notify(std::function<void()> waker) override { waker(); }

 private:
  Response response_;
  bool given_ = false;
};

struct Reason {
  int status;
  std::string_view words;
};

constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

}  // namespace

std::string_view find(const Headers& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::unique_ptr<Exchange> answer_with(Response response) {
  return std::make_unique<WholeAnswer>(std::move(response));
}

std::string_view reason_of(int status) {
  const auto found = std::ranges::find(kReasons, status, &Reason::status);
  return found == std::ranges::end(kReasons) ? "Unknown" : found->words;
}

}  // namespace accel::http
