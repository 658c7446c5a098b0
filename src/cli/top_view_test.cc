#include "cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

client::MetricPage metrics(std::string_view text) {
  auto page = client::MetricPage::parse(text);
  EXPECT_TRUE(page.ok()) << page.status().to_string();
  return std::move(*page);
}

constexpr std::string_view kPageBefore = R"(accel_build_info{version="0.1.0"} 1
process_start_time_seconds 1000
process_cpu_seconds_total 10
accel_requests_total{endpoint="/v1/embeddings",code="200",model="bert"} 100
accel_requests_total{endpoint="/v1/embeddings",code="503",model=""} 5
accel_tokens_total{model="bert"} 1000
accel_model_busy_seconds_total{model="bert",version="1",device="CPU"} 5
)";

constexpr std::string_view kPageNow = R"(accel_build_info{version="0.1.0"} 1
process_start_time_seconds 1000
process_cpu_seconds_total 13
process_resident_memory_bytes 1048576
accel_requests_in_flight 3
accel_requests_total{endpoint="/v1/embeddings",code="200",model="bert"} 150
accel_requests_total{endpoint="/v1/embeddings",code="503",model=""} 7
accel_requests_total{endpoint="/livez",code="200",model=""} 1
accel_request_seconds_bucket{endpoint="/v1/embeddings",le="0.01"} 50
accel_request_seconds_bucket{endpoint="/v1/embeddings",le="+Inf"} 50
accel_tokens_total{model="bert"} 1300
accel_padded_tokens_total{model="bert"} 100
accel_model_loaded{model="bert",version="1"} 1
accel_model_loaded{model="idle",version="1"} 0
accel_model_rows_total{model="bert",version="1",device="CPU"} 40
accel_model_busy_seconds_total{model="bert",version="1",device="CPU"} 8
)";

TEST(TopView, TwoPagesBecomeRatesTimesAndShares) {
  const TopView view = top_view(metrics(kPageNow), metrics(kPageBefore), 2, 4600);
  EXPECT_EQ(view.version, "0.1.0");
  EXPECT_EQ(view.up_seconds, 3600);
  EXPECT_EQ(view.requests_per_sec, 26.5);
  EXPECT_EQ(view.requests_in_flight, 3);
  EXPECT_EQ(view.processors, 1.5);
  EXPECT_EQ(view.memory_bytes, 1 << 20);
  ASSERT_THAT(view.models, SizeIs(2));
  EXPECT_TRUE(view.models[0].loaded);
  EXPECT_EQ(view.models[0].tokens_per_sec, 150);
  EXPECT_EQ(view.models[0].padding, 0.25);
  EXPECT_FALSE(view.models[1].loaded);
  ASSERT_THAT(view.devices, SizeIs(1));
  EXPECT_EQ(view.devices[0].rows_per_sec, 20);
  EXPECT_EQ(view.devices[0].busy, 1.5);
  ASSERT_THAT(view.endpoints, SizeIs(2));
  EXPECT_EQ(view.endpoints[0].path, "/v1/embeddings");
  EXPECT_EQ(view.endpoints[0].errors_per_sec, 1);
  EXPECT_NEAR(*view.endpoints[0].times.p50_ms, 5, 1e-9);
  EXPECT_FALSE(view.endpoints[1].times.p50_ms);
}

TEST(TopView, IsATextForPeopleAndJsonForPrograms) {
  const TopView view = top_view(metrics(kPageNow), metrics(kPageBefore), 2, 4600);
  const std::string text = top_text(view, "http://x");
  EXPECT_THAT(text, HasSubstr("accel 0.1.0 at http://x, up 1:00:00\n"));
  EXPECT_THAT(text, HasSubstr("26 requests/s, 3 under way"));
  EXPECT_THAT(text, HasSubstr("/v1/embeddings"));
  const OrderedJson json = top_json(view, "http://x");
  EXPECT_EQ(json["models"][0]["padding"], 0.25);
  EXPECT_TRUE(json["endpoints"][1]["times"]["p95_ms"].is_null());
}

// A server that was started anew counts from 0.
TEST(TopView, WhatWentDownIsNoRate) {
  const TopView view = top_view(metrics(kPageBefore), metrics(kPageNow), 2, 4600);
  EXPECT_EQ(view.requests_per_sec, 0);
  EXPECT_EQ(view.processors, 0);
}

}  // namespace
}  // namespace accel::cli
