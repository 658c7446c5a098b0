#include "server/sight/request_counts.h"

#include <algorithm>
#include <chrono>

#include "server/sight/item_stages.h"

namespace accel::server {
namespace {

// Methods are the client's words.
constexpr auto kKnownMethods =
    std::to_array<std::string_view>({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"});
constexpr std::string_view kOtherMethod = "other";

// The value of `key`, made where there is none. A key that is there is not copied.
template <class Map, class Key>
typename Map::mapped_type& counts_at(Map& map, const Key& key) {
  auto found = map.find(key);
  if (found == map.end()) found = map.try_emplace(typename Map::key_type(key)).first;
  return found->second;
}

}  // namespace

Histogram RequestCounts::batch_rows_of(const RequestRecord& record) {
  Histogram rows(kRowsBounds);
  for (const int64_t one : record.batch_rows) rows.observe(static_cast<double>(one));
  return rows;
}

void RequestCounts::add(const RequestRecord& record, std::string_view model,
                        const Histogram& batch_rows) {
  add_request(record, model, counts_at(endpoints_, record.endpoint));
  if (!record.refused.empty()) ++counts_at(refusals_, record.refused);
  if (record.report == nullptr && record.failed_items == 0) return;
  OfModel& of_model = counts_at(models_, model);
  of_model.failed_items += record.failed_items;
  if (record.report != nullptr) add_work(record, batch_rows, of_model);
}

void RequestCounts::add_request(const RequestRecord& record, std::string_view model,
                                OfEndpoint& counts) {
  const auto known = std::ranges::find(kKnownMethods, record.method);
  const std::string_view method = known == kKnownMethods.end() ? kOtherMethod : *known;
  ++counts_at(counts.requests, std::tuple(method, record.status, model));
  counts.seconds.observe(std::chrono::duration<double>(record.ended - record.arrived).count());
  counts.bytes_in += record.bytes_in;
  counts.bytes_out += record.bytes_out;
}

void RequestCounts::add_work(const RequestRecord& record, const Histogram& batch_rows,
                             OfModel& counts) {
  const RunReport& report = *record.report;
  const uint64_t items = record.items == 0 ? 1 : record.items - record.failed_items;
  counts_at(counts.items, std::tuple(std::string_view(report.device), to_string(report.precision),
                                     std::string_view(report.backend))) += items;
  counts.tokens += record.tokens;
  counts.padded_tokens += record.padded_tokens;
  counts.fallbacks += report.fallback ? 1 : 0;
  if (record.items == 0) return;  // of tensors no times are known
  for (const ItemStage& stage : kItemStages) {
    counts.stages.try_emplace(stage.name, kSecondsBounds)
        .first->second.observe(record.longest.*stage.ms / 1000);
  }
  counts.batch_rows.add(batch_rows);
}

void RequestCounts::append_to(MetricText& text) const {
  append_requests(text);
  append_items(text);
  append_times(text);
}

void RequestCounts::append_requests(MetricText& text) const {
  text.begin(metric("accel_requests_total"));
  for (const auto& [endpoint, of_endpoint] : endpoints_) {
    for (const auto& [key, count] : of_endpoint.requests) {
      const auto& [method, code, model] = key;
      text.sample({{"endpoint", endpoint},
                   {"method", method},
                   {"code", std::to_string(code)},
                   {"model", model}},
                  count);
    }
  }
  text.begin(metric("accel_request_seconds"));
  for (const auto& [endpoint, one] : endpoints_) {
    text.histogram({{"endpoint", endpoint}}, one.seconds);
  }
  text.begin(metric("accel_request_bytes_total"));
  for (const auto& [endpoint, one] : endpoints_) {
    text.sample({{"endpoint", endpoint}}, one.bytes_in);
  }
  text.begin(metric("accel_response_bytes_total"));
  for (const auto& [endpoint, one] : endpoints_) {
    text.sample({{"endpoint", endpoint}}, one.bytes_out);
  }
  text.begin(metric("accel_refusals_total"));
  for (const auto& [reason, count] : refusals_) text.sample({{"reason", reason}}, count);
}

void RequestCounts::append_items(MetricText& text) const {
  text.begin(metric("accel_items_total"));
  for (const auto& [model, one] : models_) {
    for (const auto& [key, count] : one.items) {
      const auto& [device, precision, backend] = key;
      text.sample(
          {{"model", model}, {"device", device}, {"precision", precision}, {"backend", backend}},
          count);
    }
  }
  const auto append = [&](const MetricInfo& metric, uint64_t OfModel::*count) {
    text.begin(metric);
    for (const auto& [model, one] : models_) text.sample({{"model", model}}, one.*count);
  };
  append(metric("accel_items_failed_total"), &OfModel::failed_items);
  append(metric("accel_tokens_total"), &OfModel::tokens);
  append(metric("accel_padded_tokens_total"), &OfModel::padded_tokens);
  append(metric("accel_fallbacks_total"), &OfModel::fallbacks);
}

void RequestCounts::append_times(MetricText& text) const {
  text.begin(metric("accel_stage_seconds"));
  for (const auto& [model, one] : models_) {
    for (const auto& [stage, seconds] : one.stages) {
      text.histogram({{"model", model}, {"stage", stage}}, seconds);
    }
  }
  text.begin(metric("accel_batch_rows"));
  for (const auto& [model, one] : models_) {
    if (!one.stages.empty()) text.histogram({{"model", model}}, one.batch_rows);
  }
}

}  // namespace accel::server
