#include "hub/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using testing::HasSubstr;
using testing::Not;

HttpOutcome busy(const std::string& retry_after = "") {
  return {.head = {.code = 503, .retry_after = retry_after}, .may_pass = true};
}

TEST(Retry, DoublesItsPausesAndEnds) {
  Retry retry;
  EXPECT_EQ(retry.next(busy(), false), milliseconds(500));
  EXPECT_EQ(retry.next(busy(), false), milliseconds(1000));
  EXPECT_EQ(retry.next(busy(), false), milliseconds(2000));
  EXPECT_EQ(retry.next(busy(), false), milliseconds(4000));
  EXPECT_EQ(retry.next(busy(), false), std::nullopt);
  EXPECT_EQ(retry.tries(), 5);
}

TEST(Retry, GoesOnWhileSomethingComesButNotForEver) {
  Retry retry;
  int tries = 1;
  while (retry.next(busy(), true)) ++tries;
  EXPECT_EQ(tries, 50);
}

TEST(Retry, DoesNotRepeatWhatCannotPass) {
  Retry retry;
  EXPECT_EQ(retry.next({.head = {.code = 404}}, false), std::nullopt);
}

TEST(Retry, WaitsAsTheServerAsks) {
  EXPECT_EQ(Retry().next(busy("7"), false), seconds(7));
  EXPECT_EQ(Retry().next(busy("0"), false), seconds(0));
  EXPECT_EQ(Retry().next(busy("301"), false), std::nullopt);
  EXPECT_EQ(Retry().next(busy("soon"), false), milliseconds(500));
  const auto now = system_clock::from_time_t(784111777);  // of RFC 9110, 5.6.7
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:40 GMT", now), seconds(3));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
  for (const char* bad : {"", "-1", "1.5", "1 s", "Sun, 06 Nov", "yesterday"}) {
    EXPECT_EQ(parse_retry_after(bad, now), std::nullopt) << bad;
  }
  EXPECT_GT(*parse_retry_after("999999999999999999", now), seconds(300));
}

TEST(ErrorOf, TellsWhatEachCodeMeans) {
  const Asked asked{"http://hub", "org/name@v1", "", false};
  const auto error = [&](int code, const std::string& reason = "") {
    return error_of({.head = {.code = code, .error = "words", .reason = reason}}, asked);
  };
  EXPECT_EQ(error(401).code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(error(401).message(), HasSubstr("HF_TOKEN"));
  EXPECT_EQ(error(403).code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(error(401, "GatedRepo").message(), HasSubstr("http://hub/org/name,"));
  EXPECT_EQ(error(404).code(), StatusCode::kNotFound);
  EXPECT_THAT(error(404, "RevisionNotFound").message(), HasSubstr("no such revision"));
  EXPECT_EQ(error(429).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(error(500).code(), StatusCode::kUnavailable);
  EXPECT_EQ(error(418).code(), StatusCode::kUnavailable);
  EXPECT_THAT(error(500).message(), HasSubstr("org/name@v1: http://hub answered 500"));
  const Status page = error_of({.head = {.code = 500, .error = "<html>"}}, asked);
  EXPECT_THAT(page.message(), Not(HasSubstr("html")));
}

TEST(Origins, AreWhatLibcurlReads) {
  EXPECT_EQ(*origin_of("https://Host/a"), "https://host:443");
  EXPECT_EQ(*origin_of("http://host:8080/a?b=c"), "http://host:8080");
  EXPECT_EQ(*origin_of("http://good@evil/"), "http://evil:80");
  for (const char* bad : {"file:///etc/passwd", "ftp://host/", "http://", "nothing at all"}) {
    EXPECT_EQ(origin_of(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace accel::hub
