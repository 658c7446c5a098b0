#include "server/http/request_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace accel::http {
namespace {

using Progress = RequestParser::Progress;

constexpr uint64_t kHeadBytes = 2048;
constexpr uint64_t kBodyBytes = 100;

struct Parsed {
  int status = 0;  // of a refusal
  std::string why;
  bool complete = false;
  RequestHead head;
  std::string body;
  std::string left;  // bytes behind it
};

// `text` as it comes in pieces of `step` bytes.
Parsed parse(std::string_view text, size_t step = 1 << 20) {
  RequestParser parser(kHeadBytes);
  Parsed parsed;
  Progress progress = Progress::kMore;
  bool in_body = false;
  while (progress == Progress::kMore) {
    progress = in_body ? parser.read_chunks(parsed.left, parsed.body, kBodyBytes)
                       : parser.read_head(parsed.left);
    if (progress == Progress::kDone && !in_body && parser.chunked()) {
      in_body = true;
      progress = Progress::kMore;
      continue;
    }
    if (progress != Progress::kMore) break;
    if (text.empty()) return parsed;
    parsed.left += text.substr(0, step);
    text.remove_prefix(std::min(step, text.size()));
  }
  parsed.left += text;
  parsed.status = parser.refusal().status;
  parsed.why = parser.refusal().why;
  parsed.complete = progress == Progress::kDone;
  if (parsed.complete) parsed.head = parser.take_head();
  return parsed;
}

TEST(RequestParser, ReadsAHead) {
  const std::string text =
      "POST /a%20b?c=d HTTP/1.1\r\nHost: x:80\r\nX-Two:  words here \t\r\nEmpty:\r\nx-two: "
      "again\r\nContent-Length: 5\r\n\r\nhelloGET";
  for (const size_t step : {1, 2, 3, 7, 1000}) {
    const Parsed parsed = parse(text, step);
    ASSERT_TRUE(parsed.complete) << parsed.why;
    EXPECT_EQ(parsed.head.method, "POST");
    EXPECT_EQ(parsed.head.path, "/a b");
    EXPECT_EQ(parsed.head.query, "c=d");
    EXPECT_EQ(parsed.head.content_length, 5u);
    ASSERT_EQ(parsed.head.headers.size(), 5u);
    EXPECT_EQ(parsed.head.headers[1].name, "x-two");
    EXPECT_EQ(parsed.head.headers[1].value, "words here");
    EXPECT_EQ(parsed.head.headers[2].value, "");
    EXPECT_EQ(find(parsed.head.headers, "x-two"), "words here");
    EXPECT_EQ(parsed.left, "helloGET");
  }
}

TEST(RequestParser, ReadsChunks) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n"
      "6;a=b;c=\"d e\"\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\nGET";
  for (const size_t step : {1, 2, 5, 1000}) {
    const Parsed parsed = parse(text, step);
    ASSERT_TRUE(parsed.complete) << parsed.why << step;
    EXPECT_EQ(parsed.body, "hello world");
    EXPECT_EQ(parsed.left, "GET");
    EXPECT_EQ(find(parsed.head.headers, "x-trailer"), "");
  }
}

TEST(RequestParser, SaysWhetherTheConnectionStays) {
  const auto stays = [](std::string_view version, std::string_view header) {
    RequestParser parser(kHeadBytes);
    std::string text("GET / HTTP/");
    text.append(version).append("\r\nHost: x\r\n").append(header).append("\r\n");
    EXPECT_EQ(parser.read_head(text), Progress::kDone);
    return parser.keep_alive();
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_FALSE(stays("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(stays("1.1", "Connection: a, Close\r\n"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Connection: Keep-Alive\r\n"));
}

struct Fault {
  int status;
  std::string text;
};

// Each could be two requests for somebody, or none.
void expect_refused(const std::vector<Fault>& faults) {
  for (const auto& [status, text] : faults) {
    for (const size_t step : {1, 4, 100'000}) {
      const Parsed parsed = parse(text, step);
      EXPECT_EQ(parsed.status, status) << step << " of " << text;
      EXPECT_FALSE(parsed.complete) << text;
    }
  }
}

const std::string kGet = "GET / HTTP/1.1\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: x\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

TEST(RequestParser, RefusesLengthsInDoubt) {
  expect_refused({
      {400, kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"},
      {400, kPost + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
      {400, kPost + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
      {400, kPost + "Content-Length: 5, 5\r\n\r\n"},
      {400, kPost + "Content-Length: 5,\r\n\r\n"},
      {400, kPost + "Content-Length: +5\r\n\r\n"},
      {400, kPost + "Content-Length: -5\r\n\r\n"},
      {400, kPost + "Content-Length: 0x5\r\n\r\n"},
      {400, kPost + "Content-Length: 5 6\r\n\r\n"},
      {400, kPost + "Content-Length:\r\n\r\n"},
      {400, kPost + "Content-Length: \"5\"\r\n\r\n"},
      {400, kPost + "Content-Length: 18446744073709551616\r\n\r\n"},
  });
}

TEST(RequestParser, RefusesTransferCodingsInDoubt) {
  expect_refused({
      {400, kPost + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: chunked,\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {501, kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
      {501, kPost + "Transfer-Encoding: identity\r\n\r\n"},
      {501, kPost + "Transfer-Encoding: xchunked\r\n\r\n"},
      {501, kPost + "Transfer-Encoding: , chunked\r\n\r\n"},
      {501, kPost + "Transfer-Encoding:\r\n\r\n"},
      {400, kPost + "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n"},
      {400, kPost + "Transfer-Encoding : chunked\r\n\r\n"},
  });
}

TEST(RequestParser, RefusesLinesInDoubt) {
  const std::string zero(1, '\0');
  expect_refused({
      {400, kGet + "Host: x\nContent-Length: 5\r\n\r\n"},
      {400, kGet + "Host: x\n\n"},
      {400, "GET / HTTP/1.1\nHost: x\n\n"},
      {400, kGet + "Host: x\rContent-Length: 5\r\n\r\n"},
      {400, kGet + "Host: x\r\n folded\r\n\r\n"},
      {400, kGet + "Host:\r\n x\r\n\r\n"},
      {400, kGet + "Host: x\r\n\tfolded\r\n\r\n"},
      {400, kGet + "Host: x\r\n \r\n\r\n"},
      {400, kGet + " Host: x\r\n\r\n"},
      {400, kGet + "Host : x\r\n\r\n"},
      {400, kGet + "Host\t: x\r\n\r\n"},
      {400, kGet + "Host\r\n\r\n"},
      {400, kGet + ": x\r\n\r\n"},
      {400, kGet + "Ho st: x\r\n\r\n"},
      {400, kGet + "Host: x\r\nA" + zero + ": b\r\n\r\n"},
      {400, kGet + "Host: x\r\nA: b" + zero + "c\r\n\r\n"},
      {400, kGet + "Host: x\r\nA: b\x7f\r\n\r\n"},
  });
}

TEST(RequestParser, RefusesHostsInDoubt) {
  expect_refused({
      {400, kGet + "\r\n"},
      {400, kGet + "Host: x\r\nHost: y\r\n\r\n"},
      {400, kGet + "Host: x\r\nhost: x\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"},
      {400, kGet + "Host: a b\r\n\r\n"},
      {400, kGet + "Host: a/b\r\n\r\n"},
      {400, kGet + "Host: a@b\r\n\r\n"},
      {400, kGet + "Host: a, b\r\n\r\n"},
  });
}

TEST(RequestParser, RefusesRequestLinesInDoubt) {
  expect_refused({
      {400, "GET /\r\nHost: x\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET /  HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"},
      {400, "GET / http/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET / HTTP/1.10\r\nHost: x\r\n\r\n"},
      {400, " GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET /../a HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, "\x16\x03\x01\x02" + std::string(100, 'x')},
      {505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"},
      {505, "GET / HTTP/1.2\r\nHost: x\r\n\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {505, "GET / HTTP/0.9\r\n\r\n"},
  });
}

TEST(RequestParser, RefusesChunksInDoubt) {
  expect_refused({
      {400, kChunked + "x\r\n\r\n"},
      {400, kChunked + "\r\n\r\n\r\n"},
      {400, kChunked + "5\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "5\r\nhelloX\r\n0\r\n\r\n"},
      {400, kChunked + "5\r\nhello\n0\r\n\r\n"},
      {400, kChunked + "0x5\r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "-5\r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "5 \r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "5;\r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "10000000000000005\r\nhello\r\n0\r\n\r\n"},
      {400, kChunked + "0\r\nContent-Length: 5\r\n\r\n"},
      {400, kChunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, kChunked + "0\r\nA: b\r\n c\r\n\r\n"},
      {413, kChunked + "65\r\nx"},
      {413, kChunked + "64\r\n" + std::string(100, 'x') + "\r\n1\r\n"},
      {413, kChunked + "ffffffffffffffff\r\n"},
      {431, kChunked + "5;a=" + std::string(5000, 'b')},
      {431, kChunked + "0\r\nA: " + std::string(5000, 'b')},
  });
}

TEST(RequestParser, RefusesOtherExpectations) {
  expect_refused({
      {417, kPost + "Expect: 200-ok\r\n\r\n"},
  });
}

TEST(RequestParser, ForgivesOneEmptyLine) {
  for (const size_t step : {1, 100}) {
    const Parsed parsed = parse("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", step);
    EXPECT_TRUE(parsed.complete) << parsed.why;
  }
}

TEST(RequestParser, BoundsTheHead) {
  const std::string line = "GET / HTTP/1.1\r\nHost: x\r\n";
  const size_t room = kHeadBytes - line.size() - 2 - 5;
  const std::string fits = line + "a: " + std::string(room, 'b') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), kHeadBytes);
  std::string many = line;
  while (many.size() < 3 * kHeadBytes) many += "a: b\r\n";
  std::string short_ones = line;
  for (int i = 0; i < 300; ++i) short_ones += "a:\r\n";
  for (const size_t step : {1, 3, 1000, 100'000}) {
    EXPECT_TRUE(parse(fits, step).complete) << step;
    EXPECT_EQ(parse(line + "a: " + std::string(room + 1, 'b') + "\r\n\r\n", step).status, 431);
    EXPECT_EQ(parse(line + "a: " + std::string(9000, 'b'), step).status, 431);
    EXPECT_EQ(parse("GET /" + std::string(9000, 'b'), step).status, 431);
    EXPECT_EQ(parse(std::string(9000, 'b'), step).status, 431);
    EXPECT_EQ(parse(many, step).status, 431) << step;
    EXPECT_EQ(parse(short_ones + "\r\n", step).status, 431) << step;
  }
}

TEST(RequestParser, WantsMoreWhereNothingIsWrong) {
  const std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
                           "hello\r\n0\r\n\r\n";
  for (size_t size = 0; size < text.size(); ++size) {
    const Parsed parsed = parse(text.substr(0, size));
    EXPECT_FALSE(parsed.complete) << size;
    EXPECT_EQ(parsed.status, 0) << size << parsed.why;
  }
}

TEST(RequestParser, KnowsWhoWaitsToContinue) {
  const auto waits = [](std::string_view version, std::string_view headers) {
    RequestParser parser(kHeadBytes);
    std::string text("POST / HTTP/");
    text.append(version).append("\r\nHost: x\r\n").append(headers).append("\r\n");
    EXPECT_EQ(parser.read_head(text), Progress::kDone);
    return parser.wants_continue();
  };
  EXPECT_TRUE(waits("1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n"));
  EXPECT_TRUE(waits("1.1", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"));
  EXPECT_FALSE(waits("1.1", "Expect: 100-continue\r\n"));
  EXPECT_FALSE(waits("1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
}

}  // namespace
}  // namespace accel::http
