// What is counted of requests, and how it is shown.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "server/request_record.h"
#include "server/sight/histogram.h"
#include "server/sight/metric_text.h"

namespace accel::server {

// 0.5 ms to 60 s.
inline constexpr auto kSecondsBounds = std::to_array<double>(
    {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
inline constexpr auto kRowsBounds =
    std::to_array<double>({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024});

// Copies. One owner, one thread.
class RequestCounts {
 public:
  // The batches of a request's items, of which there may be thousands: made beforehand, without
  // whatever guards the counts.
  static Histogram batch_rows_of(const RequestRecord& record);
  // `model` is the name that its series have: one of a bounded set.
  void add(const RequestRecord& record, std::string_view model, const Histogram& batch_rows);

  void append_to(MetricText& text) const;

 private:
  struct OfEndpoint {
    Histogram seconds{kSecondsBounds};
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    // By method, code and model.
    std::map<std::tuple<std::string, int, std::string>, uint64_t, std::less<>> requests;
  };
  struct OfModel {
    // By device, precision and backend.
    std::map<std::tuple<std::string, std::string, std::string>, uint64_t, std::less<>> items;
    uint64_t failed_items = 0;
    uint64_t tokens = 0;
    uint64_t padded_tokens = 0;
    uint64_t fallbacks = 0;
    std::map<std::string_view, Histogram> stages;  // empty: nothing was timed
    Histogram batch_rows{kRowsBounds};
  };

  static void add_request(const RequestRecord& record, std::string_view model, OfEndpoint& counts);
  static void add_work(const RequestRecord& record, const Histogram& batch_rows, OfModel& counts);
  void append_requests(MetricText& text) const;
  void append_items(MetricText& text) const;
  void append_times(MetricText& text) const;

  std::map<std::string, OfEndpoint, std::less<>> endpoints_;
  std::map<std::string, OfModel, std::less<>> models_;
  std::map<std::string, uint64_t, std::less<>> refusals_;
};

}  // namespace accel::server
