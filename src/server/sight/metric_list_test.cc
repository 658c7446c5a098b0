// The pages and dashboards that name metrics name those that there are.
#include "server/sight/metric_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace accel::server {
namespace {

const std::filesystem::path kDocs = std::filesystem::path(ACCEL_TEST_DATA) / "../../docs";

std::string reference_page() {
  std::string page = R"(# Metrics

What `GET /metrics` of `accel serve` shows, in the text format of Prometheus. A test holds this page
against the list in [metric_list.h](../../src/server/sight/metric_list.h), and
[the dashboard](../grafana/accel.json), which Grafana imports, names nothing else.

Series appear with their first observation. `model` is a model's name, also where it was asked for
by an alias or a version, and empty where no such model is served: what clients make up makes no
series. Times in histograms have bounds from 0.5 ms to 60 s.

| metric | type | labels | |
| --- | --- | --- | --- |
)";
  for (const MetricInfo& one : kMetricList) {
    page += "| `" + std::string(one.name) + "` | " + std::string(to_string(one.type)) + " | " +
            std::string(one.labels) + " | " + std::string(one.help) + " |\n";
  }
  return page;
}

TEST(MetricList, TheReferencePageIsUpToDate) {
  const std::string page = reference_page();
  const Result<std::string> found = read_file(kDocs / "reference/metrics.md", 1 << 20);
  if (found.ok() && *found == page) return;
  const auto made = std::filesystem::path(testing::TempDir()) / "metrics.md";
  const auto file = AtomicFile::create(made);
  ASSERT_TRUE(file.ok() && (*file)->write(page).ok() && (*file)->commit().ok());
  FAIL() << "docs/reference/metrics.md is out of date: copy " << made << " there";
}

void collect_queries(const Json& json, std::vector<std::string>& queries) {
  if (json.is_object() && json.contains("expr")) queries.push_back(json["expr"]);
  if (json.is_object() && json.contains("query") && json["query"].is_string()) {
    queries.push_back(json["query"]);
  }
  if (!json.is_structured()) return;
  for (const Json& one : json) collect_queries(one, queries);
}

// The names of metrics in a query, without what a histogram puts behind its own.
std::set<std::string> metrics_in(const std::string& query) {
  std::set<std::string> names;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t at = 0; at < query.size();) {
    size_t end = at;
    while (end < query.size() && is_word(query[end])) ++end;
    std::string word = query.substr(at, end - at);
    at = end + 1;
    if (!word.starts_with("accel_") && !word.starts_with("process_")) continue;
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      const bool listed =
          std::ranges::any_of(kMetricList, [&](const auto& m) { return m.name == word; });
      if (!listed && word.ends_with(suffix))
        word.resize(word.size() - std::string_view(suffix).size());
    }
    names.insert(word);
  }
  return names;
}

TEST(MetricList, TheDashboardNamesOnlyWhatThereIs) {
  const Result<Json> dashboard = read_json(kDocs / "grafana/accel.json");
  ASSERT_TRUE(dashboard.ok()) << dashboard.status().message();
  std::vector<std::string> queries;
  collect_queries(*dashboard, queries);
  EXPECT_GT(queries.size(), 20u);
  std::set<std::string> known;
  for (const MetricInfo& one : kMetricList) known.emplace(one.name);
  for (const std::string& query : queries) {
    for (const std::string& name : metrics_in(query)) {
      EXPECT_TRUE(known.contains(name)) << name << " in " << query;
    }
  }
}

}  // namespace
}  // namespace accel::server
