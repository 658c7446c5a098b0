// Traces: whose they are, how they are written, and that they reach a collector or are counted.
#include "server/sight/otlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "base/json.h"
#include "server/sight/collector_double.h"
#include "server/sight/record_double.h"
#include "server/sight/trace_exporter.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
const std::string kParent = "00-" + kTrace + "-" + kSpan + "-01";

TEST(TraceParent, IsReadAsTheSpecificationSays) {
  struct Row {
    std::string text;
    bool valid;
    bool sampled = false;
  };
  const std::string ids = kTrace + "-" + kSpan;
  const std::vector<Row> rows{
      {kParent, true, true},
      {"00-" + ids + "-00", true, false},
      {"00-" + ids + "-03", true, true},  // a flag that is not known yet
      {"00-" + ids + "-fe", true, false},
      {"01-" + ids + "-01", true, true},  // a version to come
      {"01-" + ids + "-01-what", true, true},
      {"fe-" + ids + "-01-", true, true},
      {"01-" + ids + "-01what", false},
      {"00-" + ids + "-01-what", false},  // version 00 has no more
      {"00-" + ids + "-01 ", false},
      {"ff-" + ids + "-01", false},
      {"0x-" + ids + "-01", false},
      {"00-" + ids + "-0g", false},
      {"00-" + ids + "-1", false},
      {"00-" + ids, false},
      {"", false},
      {"00-" + std::string(32, '0') + "-" + kSpan + "-01", false},
      {"00-" + kTrace + "-" + std::string(16, '0') + "-01", false},
      {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", false},
      {"00-" + kTrace.substr(1) + "-" + kSpan + "-01", false},
      {"00_" + ids + "-01", false},
      {"00-" + kTrace + "_" + kSpan + "-01", false},
      {" " + kParent, false},
      {kParent + std::string(1, '\0'), false},
  };
  for (const Row& row : rows) {
    const auto parent = parse_trace_parent(row.text);
    ASSERT_EQ(parent.has_value(), row.valid) << row.text;
    if (!parent) continue;
    EXPECT_EQ(parent->trace_id, kTrace) << row.text;
    EXPECT_EQ(parent->span_id, kSpan) << row.text;
    EXPECT_EQ(parent->sampled, row.sampled) << row.text;
  }
}

TEST(TraceIds, TheCallersTraceGoesOnWhateverTheRatio) {
  RequestRecord record = embeddings_record();
  record.trace_parent = kParent;
  const TraceIds ids = trace_ids_of(record, 0);
  EXPECT_EQ(ids.trace_id, kTrace);
  EXPECT_EQ(ids.parent_id, kSpan);
  EXPECT_TRUE(ids.sampled);
  record.trace_parent.back() = '0';
  EXPECT_FALSE(trace_ids_of(record, 1).sampled);
  record.trace_parent.pop_back();  // malformed: as if there was none
  EXPECT_NE(trace_ids_of(record, 1).trace_id, kTrace);
  EXPECT_EQ(trace_ids_of(record, 1).parent_id, "");
  EXPECT_TRUE(trace_ids_of(record, 1).sampled);
}

TEST(TraceIds, TheRatioDecidesByTheIdAlone) {
  RequestRecord record = embeddings_record();
  int tenth = 0;
  int half = 0;
  for (int i = 0; i < 10'000; ++i) {
    record.arrived += std::chrono::nanoseconds(1);  // the same id of the client
    const TraceIds ids = trace_ids_of(record, 0.1);
    EXPECT_FALSE(trace_ids_of(record, 0).sampled);
    EXPECT_TRUE(trace_ids_of(record, 1).sampled);
    EXPECT_EQ(trace_ids_of(record, 0.5).trace_id, ids.trace_id);
    EXPECT_TRUE(!ids.sampled || trace_ids_of(record, 0.5).sampled);
    tenth += ids.sampled ? 1 : 0;
    half += trace_ids_of(record, 0.5).sampled ? 1 : 0;
  }
  EXPECT_NEAR(tenth, 1000, 150);
  EXPECT_NEAR(half, 5000, 300);
}

// --- the JSON ------------------------------------------------------------------------------------

const TraceIds kIds{
    .trace_id = kTrace, .span_id = "00000000000000aa", .parent_id = kSpan, .sampled = true};

// The steady clock's second 1000 is the wall's 1'700'000'000.
ClockPair clocks() {
  return {.steady = Clock::time_point(std::chrono::seconds(1010)),
          .wall = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'010))};
}

Json spans_of(const RequestRecord& record, const TraceIds& ids = kIds) {
  std::string spans;
  const size_t count = append_spans(record, ids, clocks(), {}, spans);
  const auto json = parse_json("[" + spans + "]");
  EXPECT_TRUE(json.ok()) << spans;
  EXPECT_EQ(json->size(), count);
  return *json;
}

// The attribute's value, null where there is none.
Json attribute(const Json& span, const std::string& key) {
  for (const Json& one : span["attributes"]) {
    if (one["key"] == key) return one["value"];
  }
  return {};
}

TEST(Otlp, ARequestInFullIsWrittenLikeThis) {
  std::string spans;
  const SpanSource source{.service_version = "1.2.3",
                          .instance = "host:8000",
                          .server_address = "127.0.0.1",
                          .server_port = 8000};
  EXPECT_EQ(append_spans(embeddings_record(), kIds, clocks(), source, spans), 5u);
  const auto body = parse_json(export_body(source, spans));
  ASSERT_TRUE(body.ok());
  const std::string path = std::string(ACCEL_TEST_DATA) + "/server/otlp_request.json";
  const auto golden = read_json(path);
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  EXPECT_EQ(*body, *golden) << body->dump(1);
}

TEST(Otlp, SpansAreOneAfterAnotherWithinTheRequest) {
  const Json spans = spans_of(embeddings_record());
  ASSERT_EQ(spans.size(), 5u);
  EXPECT_EQ(spans[1]["startTimeUnixNano"], "1700000000002000000");  // when it was handed in
  for (size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i]["parentSpanId"], spans[0]["spanId"]);
    EXPECT_EQ(spans[i]["traceId"], kTrace);
    if (i > 1) {
      EXPECT_EQ(spans[i]["startTimeUnixNano"], spans[i - 1]["endTimeUnixNano"]);
    }
  }
  EXPECT_EQ(spans[4]["endTimeUnixNano"], "1700000000009500000");
}

TEST(Otlp, AModelThatWasLoadedFirstBeganWhenItWasThere) {
  RequestRecord record = embeddings_record();
  record.first_answer += std::chrono::seconds(1);
  record.ended += std::chrono::seconds(1);
  // One item: it ended with the first answer.
  EXPECT_EQ(spans_of(record)[1]["startTimeUnixNano"], "1700000000998500000");
  EXPECT_EQ(spans_of(record)[4]["endTimeUnixNano"], "1700000001006000000");
}

TEST(Otlp, ErrorsOfTheServerAreErrorsOfItsSpan) {
  RequestRecord record;
  record.arrived = record.ended = Clock::time_point(std::chrono::seconds(1000));
  record.method = "BREW";
  record.path = "/pot";
  record.peer = "[::1]:40312";
  record.status = 418;
  Json span = spans_of(record, {.trace_id = kTrace, .span_id = kSpan})[0];
  EXPECT_FALSE(span.contains("status"));
  EXPECT_FALSE(span.contains("parentSpanId"));
  EXPECT_EQ(span["name"], "BREW");
  EXPECT_EQ(attribute(span, "http.request.method")["stringValue"], "_OTHER");
  EXPECT_EQ(attribute(span, "http.request.method_original")["stringValue"], "BREW");
  EXPECT_EQ(attribute(span, "client.address")["stringValue"], "::1");
  EXPECT_EQ(attribute(span, "client.port")["intValue"], "40312");
  EXPECT_TRUE(attribute(span, "http.route").is_null());
  EXPECT_TRUE(attribute(span, "error.type").is_null());
  record.status = 503;
  record.error = "too much waits";
  record.peer = "unix";
  span = spans_of(record)[0];
  EXPECT_EQ(span["status"]["code"], 2);
  EXPECT_EQ(span["status"]["message"], "too much waits");
  EXPECT_EQ(attribute(span, "error.type")["stringValue"], "503");
  EXPECT_EQ(attribute(span, "client.address")["stringValue"], "unix");
  EXPECT_TRUE(attribute(span, "client.port").is_null());
}

TEST(Otlp, WhatACollectorDidNotTakeIsReadOutOfItsAnswer) {
  EXPECT_EQ(rejected_spans("{}"), 0u);
  EXPECT_EQ(rejected_spans(""), 0u);
  EXPECT_EQ(rejected_spans("<html>"), 0u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{}})"), 0u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":"12","errorMessage":"x"}})"), 12u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":3}})"), 3u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":-3}})"), 0u);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":[1]})"), 0u);
}

// --- sending -------------------------------------------------------------------------------------

class TraceExporterTest : public testing::Test {
 protected:
  TraceExporterOptions options() {
    return {.url = collector_.url(),
            .flush_seconds = 0.01,
            .retry_seconds = 0.01,
            .say = [this](std::string_view sentence) {
              const std::lock_guard lock(mutex_);
              said_.emplace_back(sentence);
            }};
  }
  static std::unique_ptr<TraceExporter> make(TraceExporterOptions options) {
    auto made = TraceExporter::create(std::move(options));
    EXPECT_TRUE(made.ok()) << made.status().message();
    return std::move(*made);
  }
  static size_t spans_in(const std::string& request) {
    const auto body = parse_json(request.substr(request.find("\r\n\r\n") + 4));
    return body.ok() ? (*body)["resourceSpans"][0]["scopeSpans"][0]["spans"].size() : 0;
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  CollectorDouble collector_;
  std::mutex mutex_;
  std::vector<std::string> said_;
};

TEST_F(TraceExporterTest, SpansAreSentAfterAWhileAndAtTheEnd) {
  auto exporter = make(options());
  exporter->observe(embeddings_record());
  const std::string first = collector_.requests(1)[0];
  EXPECT_THAT(first, testing::StartsWith("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_THAT(first, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(spans_in(first), 5u);
  exporter.reset();
  auto slow = options();
  slow.flush_seconds = 3600;
  slow.url += "/own/path";
  auto at_the_end = make(slow);
  at_the_end->observe(embeddings_record());
  at_the_end.reset();
  EXPECT_THAT(collector_.requests(2)[1], testing::StartsWith("POST /own/path HTTP/1.1\r\n"));
  EXPECT_TRUE(said().empty());
}

TEST_F(TraceExporterTest, ManySpansAreSentAtOnceInBatches) {
  auto many = options();
  many.flush_seconds = 3600;
  many.batch_spans = 20;
  const auto exporter = make(many);
  for (int i = 0; i < 8; ++i) exporter->observe(embeddings_record());
  for (const std::string& request : collector_.requests(2)) EXPECT_EQ(spans_in(request), 20u);
}

TEST_F(TraceExporterTest, WhatIsNotSampledIsNotSent) {
  auto none = options();
  none.ratio = 0;
  auto exporter = make(none);
  exporter->observe(embeddings_record());
  RequestRecord record = embeddings_record();
  record.trace_parent = "00-" + kTrace + "-" + kSpan + "-00";
  exporter->observe(record);
  record.trace_parent = kParent;
  exporter->observe(record);
  const std::vector<std::string> requests = collector_.requests(1);
  EXPECT_EQ(spans_in(requests[0]), 5u);
  EXPECT_THAT(requests[0], HasSubstr(R"("parentSpanId":"00f067aa0ba902b7")"));
}

TEST_F(TraceExporterTest, ACollectorThatIsBusyIsAskedAgain) {
  collector_.answer_with({{503}, {429}, {200}});
  auto exporter = make(options());
  exporter->observe(embeddings_record());
  const std::vector<std::string> requests = collector_.requests(3);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(spans_in(requests[2]), 5u);
  while (exporter->counts().exported + exporter->counts().failed < 5) std::this_thread::yield();
  EXPECT_EQ(exporter->counts().exported, 5u);
  EXPECT_TRUE(said().empty());
}

TEST_F(TraceExporterTest, WhatACollectorRefusesIsCountedAndSaidOnce) {
  collector_.answer_with({{400}, {200, R"({"partialSuccess":{"rejectedSpans":"2"}})"}, {400}});
  const auto exporter = make(options());
  for (const uint64_t ended : {5, 10, 15}) {
    exporter->observe(embeddings_record());
    while (exporter->counts().exported + exporter->counts().failed < ended) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(exporter->counts().exported, 3u);
  EXPECT_EQ(exporter->counts().failed, 12u);
  EXPECT_THAT(said(), ElementsAre(HasSubstr("spans of traces are lost: http://127.0.0.1:")));
  EXPECT_THAT(said(), ElementsAre(HasSubstr("HTTP 400")));
}

TEST_F(TraceExporterTest, BehindACollectorThatIsSilentSpansAreDroppedAndTheEndIsSoon) {
  collector_.fall_silent();
  auto few = options();
  few.queue_spans = 10;
  auto exporter = make(few);
  exporter->observe(embeddings_record());
  (void)collector_.requests(1);  // the thread waits for its answer from now on
  for (int i = 0; i < 4; ++i) exporter->observe(embeddings_record());
  EXPECT_EQ(exporter->counts().dropped, 10u);
  EXPECT_THAT(said(), ElementsAre(HasSubstr("faster than they are taken")));
  exporter.reset();  // within the patience of the test
}

TEST(TraceExporter, ACollectorThatIsNotThereIsSaidWithoutThePasswordOfItsUrl) {
  std::string url;
  { url = CollectorDouble().url(); }
  url.insert(url.find("127"), "me:secret@");
  std::mutex mutex;
  std::string said;
  auto exporter = TraceExporter::create({.url = url,
                                         .flush_seconds = 0.01,
                                         .tries = 2,
                                         .retry_seconds = 0.01,
                                         .say = [&](std::string_view sentence) {
                                           const std::lock_guard lock(mutex);
                                           said = sentence;
                                         }});
  ASSERT_TRUE(exporter.ok());
  (*exporter)->observe(embeddings_record());
  while ((*exporter)->counts().failed == 0) std::this_thread::yield();
  exporter->reset();
  EXPECT_THAT(said, HasSubstr("http://127.0.0.1:"));
  EXPECT_THAT(said, testing::Not(HasSubstr("secret")));
}

TEST(TraceExporter, WhatIsNoUrlOrRatioIsRefused) {
  for (const char* url : {"", "localhost:4318", "ftp://localhost", "http://"}) {
    EXPECT_EQ(TraceExporter::create({.url = url}).status().code(), StatusCode::kInvalidArgument)
        << url;
  }
  for (const double ratio : {-0.1, 1.1, std::nan("")}) {
    EXPECT_EQ(TraceExporter::create({.url = "http://localhost", .ratio = ratio}).status().code(),
              StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace accel::server
