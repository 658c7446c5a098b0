#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "talk.h"

namespace accel::bench {
namespace {

// How long a whole answer is that begins with `text`; 0: its head is not there yet. All answers of
// these servers say their length.
size_t answer_size(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::string head(text.substr(0, end + 2));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view kName = "\r\ncontent-length: ";
  const size_t at = head.find(kName);
  size_t length = 0;
  if (at != std::string::npos) {
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  }
  return end + 4 + length;
}

class HttpTalk : public Talk {
 public:
  explicit HttpTalk(const Json& request)
      : target_(request.at("target").get<std::string>()),
        before_(request.at("before").get<std::string>()),
        after_(request.at("after").get<std::string>()),
        is_json_(request.value("json", false)) {}

  std::string ask(const std::string& text) override {
    const std::string body = before_ + (is_json_ ? text : json_quote(text)) + after_;
    return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: {}\r\n\r\n{}",
                       target_, body.size(), body);
  }

  Result<std::optional<TalkAnswer>> hear(std::string_view bytes, std::string&) override {
    answer_.append(bytes);
    const size_t size = answer_size(answer_);
    if (size == 0 || answer_.size() < size) return std::optional<TalkAnswer>();
    const std::string whole = std::exchange(answer_, {});
    const bool refused = whole.starts_with("HTTP/1.1 503 ") || whole.starts_with("HTTP/1.1 504 ");
    if (!refused && !whole.starts_with("HTTP/1.1 200 ")) {
      return unavailable("the server answered " + whole.substr(0, 500));
    }
    return std::optional(TalkAnswer{refused, whole.substr(whole.find("\r\n\r\n") + 4)});
  }

 private:
  const std::string target_;
  const std::string before_;
  const std::string after_;
  const bool is_json_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<Talk> make_http_talk(const Json& request) {
  return std::make_unique<HttpTalk>(request);
}

}  // namespace accel::bench
