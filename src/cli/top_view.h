// What `accel top` shows: two pages of a server's metrics become rates, times and shares. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/installation.h"
#include "client/metric_page.h"

namespace accel::cli {

struct TopTimes {  // in milliseconds; nothing: there were none
  std::optional<double> p50_ms;
  std::optional<double> p95_ms;
};

struct TopModel {
  std::string name;
  bool loaded = false;
  uint64_t memory_bytes = 0;
  uint64_t waiting_rows = 0;
  double items_per_sec = 0;
  double failed_per_sec = 0;
  double tokens_per_sec = 0;
  double padding = 0;     // of all tokens that were computed, as a part
  double batch_rows = 0;  // of the batch of an average item
  TopTimes queue;
  TopTimes infer;
};

struct TopDevice {
  std::string model;
  std::string device;
  double rows_per_sec = 0;
  double batches_per_sec = 0;
  double busy = 0;  // instances that run, on average
};

struct TopEndpoint {
  std::string path;
  double requests_per_sec = 0;
  double errors_per_sec = 0;  // answered with 400 or more
  TopTimes times;
};

struct TopView {
  std::string version;
  double up_seconds = 0;
  double requests_per_sec = 0;
  double refused_per_sec = 0;
  uint64_t requests_in_flight = 0;
  uint64_t connections = 0;
  uint64_t connections_active = 0;
  double processors = 0;  // that are busy with it
  uint64_t memory_bytes = 0;
  std::vector<TopModel> models;
  std::vector<TopDevice> devices;
  std::vector<TopEndpoint> endpoints;  // that were asked in between, the busiest first
};

// `before` was read so many seconds before `now`; `clock` is the time of `now`, since 1970.
TopView top_view(const client::MetricPage& now, const client::MetricPage& before, double seconds,
                 double clock);

std::string top_text(const TopView& view, const std::string& server);
OrderedJson top_json(const TopView& view, const std::string& server);

}  // namespace accel::cli
