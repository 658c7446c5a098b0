#include "hub/retry.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>

namespace accel::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kTriesInARow = 5;
constexpr int kTriesMax = 50;
constexpr milliseconds kFirstWait{500};
constexpr milliseconds kLongestWaitOfOurs{16'000};
constexpr seconds kRetryAfterMax{300};
constexpr size_t kServerWordsMax = 200;

std::string server_words(const HttpHead& head) {
  if (head.error.empty() || head.error.front() == '<') return "";  // a page for people
  return fmt::format(" (it says: {})", head.error.substr(0, kServerWordsMax));
}

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text,
                                         std::chrono::system_clock::time_point now) {
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size() && number >= 0) {
    return seconds(std::min<int64_t>(number, 1'000'000'000));
  }
  std::tm date{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&date));
  return std::max(seconds(0), std::chrono::ceil<seconds>(then - now));
}

std::optional<milliseconds> Retry::next(const HttpOutcome& outcome, bool progressed,
                                        std::chrono::system_clock::time_point now) {
  if (!outcome.may_pass) return std::nullopt;
  tries_ += 1;
  in_a_row_ = progressed ? 1 : in_a_row_ + 1;
  if (in_a_row_ >= kTriesInARow || tries_ >= kTriesMax) return std::nullopt;
  if (const auto asked = parse_retry_after(outcome.head.retry_after, now)) {
    if (*asked > kRetryAfterMax) return std::nullopt;
    return *asked;
  }
  return std::min(kLongestWaitOfOurs, kFirstWait * (1 << (in_a_row_ - 1)));
}

Status error_of(const HttpOutcome& outcome, const Asked& asked) {
  const std::string what = asked.file.empty() ? asked.model : asked.model + ", " + asked.file;
  if (!outcome.status.ok()) {
    const Status& status = outcome.status;
    if (!outcome.may_pass) return status.with_context(what);
    return {status.code(),
            fmt::format("{}: {}; check the network (a proxy is taken from https_proxy), or name "
                        "another hub by --endpoint",
                        what, status.message())};
  }
  const HttpHead& head = outcome.head;
  const std::string found =
      fmt::format("{}: {} answered {}{}", what, asked.endpoint, head.code, server_words(head));
  const std::string key = asked.with_token ? "check that the token in use may read it"
                                           : "set HF_TOKEN, or log in with the Hub's own client";
  if (head.reason == "GatedRepo") {
    return permission_denied(
        fmt::format("{}: the model is gated: accept its terms at {}/{}, and {}", found,
                    asked.endpoint, asked.model.substr(0, asked.model.find('@')), key));
  }
  switch (head.code) {
    case 401:
      return {StatusCode::kUnauthenticated,
              fmt::format("{}: there is no such model, or it is private; check the name, and {}",
                          found, key)};
    case 403: return permission_denied(found + ": no permission; " + key);
    case 404:
      if (head.reason == "RevisionNotFound") {
        return not_found(found + ": the model has no such revision");
      }
      return not_found(found + (asked.file.empty()
                                    ? ": there is no such model; check its name and revision"
                                    : ": it is listed and not there"));
    case 429:
      return resource_exhausted(
          fmt::format("{}: too many requests{}; try again later", found,
                      head.retry_after.empty()
                          ? ""
                          : ", it asks to wait for " + head.retry_after.substr(0, 40) + " s"));
    default: break;
  }
  if (head.code >= 500) return unavailable(found + ": the hub has a problem; try again later");
  return unavailable(found + ": expected 200 or 206");
}

}  // namespace accel::hub
