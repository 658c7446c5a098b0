// What Prometheus is given: exact text, bounds, and the pages and dashboards that name metrics.
#include "server/sight/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include "server/service_double.h"
#include "server/sight/metric_text.h"
#include "server/sight/process_use.h"
#include "server/sight/record_double.h"

namespace accel::server {
namespace {

using testing::HasSubstr;
using testing::Not;

service::ServedModel served_model() {
  ModelStatistics statistics{.answered = 10,
                             .failed = 1,
                             .cancelled = 2,
                             .late = 3,
                             .refused = 4,
                             .waiting = 5,
                             .fallbacks = 6,
                             .hangs = 7};
  statistics.shares = {{.device = "CPU", .rows = 8, .batches = 2, .worked_seconds = 0.5},
                       {.device = "CPU", .rows = 4, .batches = 1, .worked_seconds = 0.25},
                       {.device = "GPU", .rows = 1, .batches = 1, .worked_seconds = 1}};
  statistics.workers = {{.device = "CPU", .starts = 3, .crashes = 1, .hangs = 1}};
  return {.state = {.name = "minilm",
                    .version = 2,
                    .state = ModelState::kLoaded,
                    .memory_bytes = 1000,
                    .load_seconds = 1.5,
                    .loads = 2,
                    .evictions = 1},
          .aliases = {"default", "all-MiniLM"},
          .statistics = statistics};
}

std::vector<Result<service::Event>> describe(const service::Request&) {
  service::ServedModel other;
  other.state = {.name = "other", .state = ModelState::kFailed, .loads = 1};
  return {service::Event(service::ServedModels{{served_model(), other}})};
}

// The lines of the metrics `names`.
std::string lines_of(const std::string& text, const std::set<std::string>& names) {
  std::string lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# HELP")) continue;
    const std::string body = line.starts_with("# TYPE ") ? line.substr(7) : line;
    std::string name = body.substr(0, body.find_first_of("{ "));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(suffix)) name.resize(name.size() - std::string_view(suffix).size());
    }
    if (names.contains(name)) lines += line + "\n";
  }
  return lines;
}

// A reader of the format that takes nothing but what metric_list.h says.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) read(line);
    EXPECT_TRUE(text.ends_with("\n"));
  }
  const std::set<std::string>& metrics() const { return metrics_; }
  const std::map<std::string, double>& samples() const { return samples_; }

 private:
  void read(const std::string& line) {
    if (line.starts_with("# HELP ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(metrics_.insert(name).second) << "again: " << line;
      info_ = nullptr;
      for (const MetricInfo& one : kMetricList) {
        if (one.name == name) info_ = &one;
      }
      ASSERT_NE(info_, nullptr) << line;
      EXPECT_EQ(line, "# HELP " + name + " " + std::string(info_->help) + ".");
    } else if (line.starts_with("# TYPE ")) {
      ASSERT_NE(info_, nullptr);
      EXPECT_EQ(line,
                "# TYPE " + std::string(info_->name) + " " + std::string(to_string(info_->type)));
    } else {
      read_sample(line);
    }
  }

  void read_sample(const std::string& line) {
    ASSERT_NE(info_, nullptr) << line;
    const size_t name_end = line.find_first_of("{ ");
    std::string name = line.substr(0, name_end);
    std::string rest = name.substr(info_->name.size());
    ASSERT_TRUE(name.starts_with(info_->name)) << line;
    const bool histogram = info_->type == MetricType::kHistogram;
    EXPECT_EQ(histogram, rest == "_bucket" || rest == "_sum" || rest == "_count") << line;
    std::string labels;
    size_t at = name_end;
    while (line[at] == '{' || line[at] == ',') {
      const size_t equals = line.find("=\"", at);
      const std::string label = line.substr(at + 1, equals - at - 1);
      if (label != "le") labels += (labels.empty() ? "" : ", ") + label;
      at = equals + 2;
      for (; line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
      }
      ++at;
    }
    EXPECT_EQ(labels, info_->labels) << line;
    if (line[at] == '}') ++at;
    ASSERT_EQ(line[at], ' ') << line;
    char* end = nullptr;
    const double value = std::strtod(line.c_str() + at, &end);
    EXPECT_EQ(*end, '\0') << line;
    EXPECT_TRUE(samples_.emplace(line.substr(0, at), value).second) << "again: " << line;
  }

  const MetricInfo* info_ = nullptr;
  std::set<std::string> metrics_;
  std::map<std::string, double> samples_;
};

class MetricsTest : public testing::Test {
 protected:
  std::string text_of(const std::set<std::string>& names) const {
    return lines_of(metrics_.text(), names);
  }

  ServiceDouble service_{describe};
  Metrics metrics_{service_};
};

TEST_F(MetricsTest, RequestsAreCountedByEndpointMethodCodeAndModel) {
  metrics_.observe(embeddings_record());
  metrics_.observe(embeddings_record());
  RequestRecord failed = embeddings_record();
  failed.status = 503;
  failed.report = nullptr;
  failed.items = 0;
  failed.refused = "full";
  failed.model = "";
  metrics_.observe(failed);
  RequestRecord elsewhere;
  elsewhere.method = "BREW";
  elsewhere.status = 404;
  metrics_.observe(elsewhere);
  EXPECT_EQ(text_of({"accel_requests_total", "accel_refusals_total", "accel_request_bytes_total",
                     "accel_response_bytes_total"}),
            R"(# TYPE accel_requests_total counter
accel_requests_total{endpoint="",method="other",code="404",model=""} 1
accel_requests_total{endpoint="/v1/embeddings",method="POST",code="200",model="minilm"} 2
accel_requests_total{endpoint="/v1/embeddings",method="POST",code="503",model=""} 1
# TYPE accel_request_bytes_total counter
accel_request_bytes_total{endpoint=""} 0
accel_request_bytes_total{endpoint="/v1/embeddings"} 300
# TYPE accel_response_bytes_total counter
accel_response_bytes_total{endpoint=""} 0
accel_response_bytes_total{endpoint="/v1/embeddings"} 6000
# TYPE accel_refusals_total counter
accel_refusals_total{reason="full"} 1
)");
}

TEST_F(MetricsTest, WhatModelsDidIsCountedByWhatRan) {
  metrics_.observe(embeddings_record());
  RequestRecord fell_back = embeddings_record();
  auto report = std::make_shared<RunReport>(*fell_back.report);
  report->fallback = true;
  report->backend = "reference";
  fell_back.report = report;
  fell_back.model = "default";  // an alias of the same
  fell_back.failed_items = 1;
  metrics_.observe(fell_back);
  RequestRecord tensors = embeddings_record();
  tensors.items = 0;
  tensors.tokens = 0;
  tensors.padded_tokens = 0;
  tensors.batch_rows.clear();
  tensors.longest = {};
  metrics_.observe(tensors);
  EXPECT_EQ(text_of({"accel_items_total", "accel_items_failed_total", "accel_tokens_total",
                     "accel_padded_tokens_total", "accel_fallbacks_total"}),
            R"(# TYPE accel_items_total counter
accel_items_total{model="minilm",device="CPU",precision="bf16",backend="openvino"} 3
accel_items_total{model="minilm",device="CPU",precision="bf16",backend="reference"} 1
# TYPE accel_items_failed_total counter
accel_items_failed_total{model="minilm"} 1
# TYPE accel_tokens_total counter
accel_tokens_total{model="minilm"} 16
# TYPE accel_padded_tokens_total counter
accel_padded_tokens_total{model="minilm"} 4
# TYPE accel_fallbacks_total counter
accel_fallbacks_total{model="minilm"} 1
)");
}

TEST_F(MetricsTest, HistogramsCountWhatIsAtMostTheirBound) {
  for (const int ms : {1, 20, 20, 70'000}) {
    RequestRecord record = embeddings_record();
    record.ended = record.arrived + std::chrono::milliseconds(ms);
    metrics_.observe(record);
  }
  const Exposition shown(metrics_.text());
  const auto bucket = [&](const std::string& bound) {
    return shown.samples().at("accel_request_seconds_bucket{endpoint=\"/v1/embeddings\",le=\"" +
                              bound + "\"}");
  };
  EXPECT_EQ(bucket("0.0005"), 0);
  EXPECT_EQ(bucket("0.001"), 1);  // a bound belongs to its bucket
  EXPECT_EQ(bucket("0.01"), 1);
  EXPECT_EQ(bucket("0.025"), 3);
  EXPECT_EQ(bucket("60"), 3);
  EXPECT_EQ(bucket("+Inf"), 4);
  EXPECT_EQ(shown.samples().at("accel_request_seconds_count{endpoint=\"/v1/embeddings\"}"), 4);
  EXPECT_NEAR(shown.samples().at("accel_request_seconds_sum{endpoint=\"/v1/embeddings\"}"), 70.041,
              1e-9);
  EXPECT_NEAR(shown.samples().at("accel_stage_seconds_sum{model=\"minilm\",stage=\"infer\"}"),
              0.012, 1e-9);
  EXPECT_EQ(shown.samples().at("accel_batch_rows_bucket{model=\"minilm\",le=\"2\"}"), 4);
  EXPECT_EQ(shown.samples().at("accel_batch_rows_bucket{model=\"minilm\",le=\"16\"}"), 8);
}

TEST_F(MetricsTest, ModelsAreShownAsTheServiceDescribesThem) {
  EXPECT_EQ(text_of({"accel_model_loaded", "accel_model_failed", "accel_model_memory_bytes",
                     "accel_model_load_seconds", "accel_model_rows_total",
                     "accel_model_busy_seconds_total", "accel_model_waiting_rows",
                     "accel_worker_starts_total"}),
            R"(# TYPE accel_model_loaded gauge
accel_model_loaded{model="minilm",version="2"} 1
accel_model_loaded{model="other",version="1"} 0
# TYPE accel_model_failed gauge
accel_model_failed{model="minilm",version="2"} 0
accel_model_failed{model="other",version="1"} 1
# TYPE accel_model_memory_bytes gauge
accel_model_memory_bytes{model="minilm",version="2"} 1000
accel_model_memory_bytes{model="other",version="1"} 0
# TYPE accel_model_load_seconds gauge
accel_model_load_seconds{model="minilm",version="2"} 1.5
accel_model_load_seconds{model="other",version="1"} 0
# TYPE accel_model_waiting_rows gauge
accel_model_waiting_rows{model="minilm",version="2"} 5
# TYPE accel_model_rows_total counter
accel_model_rows_total{model="minilm",version="2",device="CPU"} 12
accel_model_rows_total{model="minilm",version="2",device="GPU"} 1
# TYPE accel_model_busy_seconds_total counter
accel_model_busy_seconds_total{model="minilm",version="2",device="CPU"} 0.75
accel_model_busy_seconds_total{model="minilm",version="2",device="GPU"} 1
# TYPE accel_worker_starts_total counter
accel_worker_starts_total{model="minilm",version="2",device="CPU"} 3
)");
}

TEST_F(MetricsTest, ConnectionsAndLossesComeFromTheirSources) {
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("accel_http_")));
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("accel_log_")));
  metrics_.watch(
      {.http =
           [] { return http::HttpCounts{.connections = 5, .connections_idle = 3, .timeouts = 2}; },
       .in_flight = [] { return 4; },
       .log = [] { return LogCounts{.written = 9, .dropped = 1}; },
       .traces = [] { return SpanCounts{.exported = 8, .failed = 2}; },
       .reloads = [] { return ReloadCounts{.taken = 3, .refused = 1}; }});
  EXPECT_EQ(
      text_of({"accel_http_connections", "accel_http_timeouts_total", "accel_requests_in_flight",
               "accel_log_lines_total", "accel_trace_spans_total", "accel_reloads_total"}),
      R"(# TYPE accel_requests_in_flight gauge
accel_requests_in_flight 4
# TYPE accel_http_connections gauge
accel_http_connections{state="active"} 2
accel_http_connections{state="idle"} 3
# TYPE accel_http_timeouts_total counter
accel_http_timeouts_total 2
# TYPE accel_log_lines_total counter
accel_log_lines_total{outcome="written"} 9
accel_log_lines_total{outcome="dropped"} 1
accel_log_lines_total{outcome="failed"} 0
# TYPE accel_trace_spans_total counter
accel_trace_spans_total{outcome="exported"} 8
accel_trace_spans_total{outcome="dropped"} 0
accel_trace_spans_total{outcome="failed"} 2
# TYPE accel_reloads_total counter
accel_reloads_total{outcome="taken"} 3
accel_reloads_total{outcome="refused"} 1
)");
}

TEST_F(MetricsTest, NamesThatClientsMakeUpMakeNoSeries) {
  const auto lines = [&] { return std::ranges::count(metrics_.text(), '\n'); };
  RequestRecord record = embeddings_record();
  record.report = nullptr;
  record.items = 0;
  record.status = 404;
  const auto ask_for = [&](int i) {
    record.model = "model-" + std::to_string(i);
    record.method = "METHOD" + std::to_string(i);
    record.path = "/" + std::to_string(i);
    record.id = std::to_string(i);
    record.visitor = std::to_string(i);
    metrics_.observe(record);
    record.model = "minilm:" + std::to_string(i);
    metrics_.observe(record);
  };
  ask_for(0);
  const auto before = lines();
  for (int i = 1; i < 10'000; ++i) ask_for(i);
  EXPECT_EQ(lines(), before);
  EXPECT_EQ(text_of({"accel_requests_total"}),
            R"(# TYPE accel_requests_total counter
accel_requests_total{endpoint="/v1/embeddings",method="other",code="404",model=""} 10000
accel_requests_total{endpoint="/v1/embeddings",method="other",code="404",model="minilm"} 10000
)");
}

TEST(Metrics, AModelThatCameLaterIsKnownFromTheNextTextOn) {
  std::vector<service::ServedModel> models;
  ServiceDouble service([&](const service::Request&) {
    return std::vector<Result<service::Event>>{service::Event(service::ServedModels{models})};
  });
  Metrics metrics(service);
  models.push_back(served_model());
  (void)metrics.text();
  metrics.observe(embeddings_record());
  EXPECT_THAT(metrics.text(), HasSubstr("code=\"200\",model=\"minilm\"} 1"));
}

TEST(Metrics, AServiceThatDoesNotAnswerLeavesTheRest) {
  ServiceDouble silent(
      [](const service::Request&) { return std::vector<Result<service::Event>>{}; });
  Metrics metrics(silent);
  metrics.observe(embeddings_record());
  EXPECT_THAT(metrics.text(), HasSubstr("code=\"200\",model=\"\"} 1"));
}

TEST_F(MetricsTest, EveryListedMetricIsShownWithItsLabels) {
  RequestRecord record = embeddings_record();
  record.refused = "rate";
  metrics_.observe(record);
  metrics_.watch({.http = [] { return http::HttpCounts{}; },
                  .in_flight = [] { return 0; },
                  .log = [] { return LogCounts{}; },
                  .traces = [] { return SpanCounts{}; },
                  .reloads = [] { return ReloadCounts{}; },
                  .certificate_seconds = [] { return -1; },
                  .inputs = [] { return InputCountsByScheme{}; }});
  const Exposition shown(metrics_.text());
  for (const MetricInfo& one : kMetricList) {
    EXPECT_TRUE(shown.metrics().contains(std::string(one.name))) << one.name;
    EXPECT_EQ(one.name.ends_with("_total"), one.type == MetricType::kCounter) << one.name;
  }
  EXPECT_GT(shown.samples().at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(shown.samples().at("process_open_fds"), 2);
  EXPECT_GT(shown.samples().at("process_cpu_seconds_total"), 0);
}

TEST_F(MetricsTest, CountsFromManyThreadsAddUp) {
  constexpr int kThreads = 8;
  constexpr int kEach = 2000;
  std::atomic<bool> done = false;
  std::thread scraper([&] {
    while (!done) EXPECT_FALSE(metrics_.text().empty());
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) metrics_.observe(embeddings_record());
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  scraper.join();
  const Exposition shown(metrics_.text());
  const std::string series = "{endpoint=\"/v1/embeddings\"}";
  EXPECT_EQ(shown.samples().at("accel_request_seconds_count" + series), kThreads * kEach);
  EXPECT_EQ(shown.samples().at("accel_tokens_total{model=\"minilm\"}"), kThreads * kEach * 8);
}

TEST(MetricText, LabelValuesAreEscapedAndNumbersWritten) {
  MetricText text;
  text.begin(metric("accel_build_info"));
  text.sample({{"version", "a\\b\"c\nd\xff"}}, 0.25);
  text.sample({{"version", "inf"}}, std::numeric_limits<double>::infinity());
  text.sample({{"version", "nan"}}, std::numeric_limits<double>::quiet_NaN());
  text.sample({{"version", "many"}}, uint64_t{1} << 60);
  text.begin(metric("process_open_fds"));  // without samples
  EXPECT_EQ(text.take(), R"(# HELP accel_build_info Always 1.
# TYPE accel_build_info gauge
accel_build_info{version="a\\b\"c\nd)"
                         "\xef\xbf\xbd"
                         R"("} 0.25
accel_build_info{version="inf"} +Inf
accel_build_info{version="nan"} NaN
accel_build_info{version="many"} 1152921504606846976
)");
}

TEST(Metrics, TheServerKnowsWhatIsUnderWay) {
  ServiceDouble service(embeddings_of);
  const auto gate = make_open_gate();
  Server server({}, {.service = service, .gate = *gate});
  EXPECT_EQ(server.in_flight(), 0u);
  {
    const auto exchange = server.open({.method = "GET", .path = "/livez"});
    EXPECT_EQ(server.in_flight(), 1u);
  }
  EXPECT_EQ(server.in_flight(), 0u);
}

TEST(ProcessUse, TheStartIsReadBehindANameWithSpacesAndParentheses) {
  const std::string fields =
      " S 1 1 1 0 -1 4194560 1 0 0 0 10 20 0 0 20 0 9 0 12345 1000 200 184467";
  EXPECT_EQ(parse_start_seconds("7 (a) b)" + fields, "cpu 1\nbtime 1700000000\nctxt 5\n", 100),
            1700000123.45);
  EXPECT_EQ(parse_start_seconds("7 (a)", "btime 1700000000\n", 100), std::nullopt);
  EXPECT_EQ(parse_start_seconds("7 (a)" + fields, "cpu 1\n", 100), std::nullopt);
  EXPECT_EQ(parse_start_seconds("", "", 100), std::nullopt);
  EXPECT_GT(read_process_use().start_seconds, 1.6e9);
  EXPECT_EQ(read_process_use("/nowhere").resident_bytes, 0u);
}

}  // namespace
}  // namespace accel::server
