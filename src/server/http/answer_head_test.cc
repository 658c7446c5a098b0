#include "server/http/answer_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::time_t kNow = 784111777;

TEST(AnswerHead, IsWrittenWhole) {
  EXPECT_EQ(head_text({.headers = {{"content-type", "text/plain"}}, .length = 3}, {}, kNow),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 3\r\n"
            "content-type: text/plain\r\n\r\n");
  EXPECT_THAT(head_text({.status = 799}, {}, 0), HasSubstr("HTTP/1.1 799 Unknown\r\n"));
  EXPECT_THAT(head_text({}, {}, 0), HasSubstr("Thu, 01 Jan 1970 00:00:00 GMT"));
}

TEST(AnswerHead, IsListedForHttp2) {
  const ResponseHead head{.status = 201,
                          .headers = {{"X-Name", " a\r\nb "},
                                      {"Connection", "close"},
                                      {"keep-alive", "1"},
                                      {"content-length", "7"},
                                      {"x broken", "name"}},
                          .length = 3};
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [name, value] : head_fields(head, kNow)) found.emplace_back(name, value);
  EXPECT_THAT(
      found, ::testing::ElementsAre(std::pair(":status", "201"),
                                    std::pair("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                                    std::pair("content-length", "3"), std::pair("x-name", "a  b")));
  EXPECT_EQ(head_fields({.status = 204, .length = 3}, kNow).size(), 2u);
  EXPECT_EQ(trailer_fields({{"Grpc-Status", "0"}, {":status", "200"}}).size(), 1u);
}

TEST(AnswerHead, SaysHowItEnds) {
  const ResponseHead known{.length = 3};
  const ResponseHead unknown;
  EXPECT_EQ(framing_of(known, {}), Framing::kLength);
  EXPECT_EQ(framing_of(unknown, {}), Framing::kChunked);
  EXPECT_EQ(framing_of(unknown, {.http_1_0 = true}), Framing::kClose);
  EXPECT_EQ(framing_of(known, {.to_head = true}), Framing::kNone);
  EXPECT_EQ(framing_of({.status = 204}, {}), Framing::kNone);
  EXPECT_EQ(framing_of({.status = 304, .length = 3}, {}), Framing::kNone);

  EXPECT_THAT(head_text(unknown, {}, kNow), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head_text(unknown, {.http_1_0 = true}, kNow), Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(head_text(known, {.to_head = true}, kNow), HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(head_text({.status = 204, .length = 0}, {}, kNow), Not(HasSubstr("Content-Length")));
}

TEST(AnswerHead, SaysWhetherTheConnectionStays) {
  EXPECT_THAT(head_text({}, {}, kNow), Not(HasSubstr("Connection:")));
  EXPECT_THAT(head_text({}, {.keep_alive = false}, kNow), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head_text({}, {.http_1_0 = true}, kNow), HasSubstr("Connection: keep-alive\r\n"));
}

TEST(AnswerHead, CannotBeSplitByValues) {
  const ResponseHead head{.headers = {{"x-a", std::string("1\r\nevil: 2\0", 11)},
                                      {"x\r\nevil", "3"},
                                      {"", "4"},
                                      {"content-length", "5"},
                                      {"Transfer-Encoding", "chunked"},
                                      {"connection", "close"}},
                          .length = 9};
  EXPECT_EQ(head_text(head, {}, kNow),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 9\r\n"
            "x-a: 1  evil: 2 \r\n\r\n");
}

}  // namespace
}  // namespace accel::http
