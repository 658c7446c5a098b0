#include "client/metric_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

MetricPage page_of(std::string_view text) {
  auto page = MetricPage::parse(text);
  EXPECT_TRUE(page.ok()) << page.status().to_string();
  return page.ok() ? std::move(*page) : MetricPage();
}

TEST(MetricPage, SamplesHaveNamesLabelsAndValues) {
  const MetricPage page = page_of("# HELP a_total What it is\n# TYPE a_total counter\n"
                                  "a_total{model=\"bert\",code=\"200\"} 3\n"
                                  "a_total{model=\"a \\\"b\\\" \\\\ \\n\"} 1.5e1 1700000000\n"
                                  "b 7\nc{} +Inf");
  ASSERT_EQ(page.samples().size(), 4);
  EXPECT_EQ(page.sum("a_total"), 18);
  EXPECT_EQ(page.sum("a_total", {{"model", "bert"}}), 3);
  EXPECT_EQ(page.sum("a_total", {{"model", "none"}}), 0);
  EXPECT_THAT(page.values("a_total", "model"), ElementsAre("bert", "a \"b\" \\ \n"));
  EXPECT_EQ(page.sum("b"), 7);
}

TEST(MetricPage, OtherLinesAreNamed) {
  for (const char* text : {"a 1\n{} 2", "a 1\na{b} 2", "a 1\na{b=\"c} 2", "a 1\na x", "a 1\na"}) {
    EXPECT_THAT(MetricPage::parse(text).status().message(), HasSubstr("line 2")) << text;
  }
}

TEST(MetricPage, QuantilesAreOfWhatCameSince) {
  const MetricPage before = page_of("t_bucket{le=\"1\"} 10\nt_bucket{le=\"2\"} 10\n"
                                    "t_bucket{le=\"+Inf\"} 10\n");
  const MetricPage now = page_of("t_bucket{le=\"1\"} 10\nt_bucket{le=\"2\"} 20\n"
                                 "t_bucket{le=\"+Inf\"} 21\n");
  EXPECT_NEAR(*quantile(now, before, "t", {}, 0.5), 1.55, 1e-9);
  EXPECT_EQ(*quantile(now, before, "t", {}, 1), 2);
  EXPECT_FALSE(quantile(before, before, "t", {}, 0.5));
  EXPECT_FALSE(quantile(now, before, "none", {}, 0.5));
}

}  // namespace
}  // namespace accel::client
