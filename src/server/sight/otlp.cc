#include "server/sight/otlp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/json.h"
#include "server/json/json_writer.h"
#include "server/sight/clipped.h"
#include "server/sight/item_stages.h"

namespace accel::server {
namespace {

using SpanTime = std::chrono::system_clock::time_point;

constexpr int kServerKind = 2;
constexpr int kInternalKind = 1;
constexpr int kErrorCode = 2;
constexpr int kSampledFlag = 1;
constexpr int kHasIsRemoteFlag = 0x100;
constexpr int kIsRemoteFlag = 0x200;

// Those that OpenTelemetry names; others are "_OTHER".
constexpr auto kSpanMethods = std::to_array<std::string_view>(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"});

class Attributes {
 public:
  explicit Attributes(JsonWriter& json) : json_(json) {}

  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) attribute(key, "stringValue", clipped(value));
  }
  void whole(std::string_view key, uint64_t value) {
    attribute(key, "intValue", std::string_view(std::to_string(value)));  // JSON has 53 bits
  }

 private:
  void attribute(std::string_view key, std::string_view kind, std::string_view value) {
    json_.object([&] {
      json_.member("key", key);
      json_.name("value");
      json_.object([&] { json_.member(kind, value); });
    });
  }

  JsonWriter& json_;
};

template <class Body>
void write_attributes(JsonWriter& json, Body&& body) {
  json.name("attributes");
  json.array([&] {
    Attributes attributes(json);
    body(attributes);
  });
}

struct SpanHead {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view parent_id;
  bool parent_is_remote = false;
  std::string_view name;
  int kind = kInternalKind;
  SpanTime begin;
  SpanTime end;
};

void write_time(JsonWriter& json, std::string_view name, SpanTime time) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  json.member(name, std::to_string(ns.count()));
}

void write_head(JsonWriter& json, const SpanHead& head) {
  json.member("traceId", head.trace_id);
  json.member("spanId", head.span_id);
  if (!head.parent_id.empty()) json.member("parentSpanId", head.parent_id);
  json.member("flags",
              kSampledFlag | kHasIsRemoteFlag | (head.parent_is_remote ? kIsRemoteFlag : 0));
  json.member("name", head.name);
  json.member("kind", head.kind);
  write_time(json, "startTimeUnixNano", head.begin);
  write_time(json, "endTimeUnixNano", std::max(head.begin, head.end));
}

// "127.0.0.1:40312", "[::1]:40312"; "unix" has no port.
std::pair<std::string_view, std::optional<uint64_t>> split_peer(std::string_view peer) {
  const size_t colon = peer.rfind(':');
  if (colon == std::string_view::npos) return {peer, std::nullopt};
  uint64_t port = 0;
  const char* end = peer.data() + peer.size();
  if (std::from_chars(peer.data() + colon + 1, end, port).ptr != end) return {peer, std::nullopt};
  std::string_view address = peer.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return {address, port};
}

void write_http(const RequestRecord& record, const SpanSource& source, Attributes& attributes) {
  const bool known = std::ranges::find(kSpanMethods, record.method) != kSpanMethods.end();
  attributes.text("http.request.method", known ? record.method : "_OTHER");
  if (!known) attributes.text("http.request.method_original", record.method);
  attributes.text("http.route", record.endpoint);
  attributes.text("url.path", record.path);
  attributes.whole("http.response.status_code", static_cast<uint64_t>(record.status));
  attributes.text("server.address", source.server_address);
  if (source.server_port != 0) attributes.whole("server.port", source.server_port);
  const auto [address, port] = split_peer(record.peer);
  attributes.text("client.address", address);
  if (port) attributes.whole("client.port", *port);
  attributes.whole("http.request.body.size", record.bytes_in);
  attributes.whole("http.response.body.size", record.bytes_out);
  if (record.status >= 500) attributes.text("error.type", std::to_string(record.status));
}

void write_accel(const RequestRecord& record, Attributes& attributes) {
  attributes.text("accel.request.id", record.id);
  attributes.text("accel.visitor", record.visitor);
  attributes.text("accel.refused", record.refused);
  attributes.text("accel.model", record.model);
  if (record.items > 0) {
    attributes.whole("accel.items", record.items);
    attributes.whole("accel.tokens", record.tokens);
  }
  if (record.report == nullptr) return;
  attributes.text("accel.backend", record.report->backend);
  attributes.text("accel.device", record.report->device);
  attributes.text("accel.precision", to_string(record.report->precision));
  if (record.report->fallback) {
    const std::string& reason = record.report->fallback_reason;
    attributes.text("accel.fallback", reason.empty() ? std::string_view("yes") : reason);
  }
}

void write_status(const RequestRecord& record, JsonWriter& json) {
  if (record.status < 500) return;  // what the client did wrong is no error of a server's span
  json.name("status");
  json.object([&] {
    json.member("code", kErrorCode);
    if (!record.error.empty()) json.member("message", clipped(record.error));
  });
}

// Where a request's items began. Their times are one after another; of a model that had to be
// loaded first, the first answer tells when it was there.
Clock::time_point begin_of_items(const RequestRecord& record, std::chrono::nanoseconds total) {
  const Clock::time_point by_answer =
      record.first_answer - std::chrono::duration_cast<Clock::duration>(total);
  return std::max(record.handed_in, by_answer);
}

std::chrono::nanoseconds nanoseconds_of(double ms) {
  return std::chrono::nanoseconds(static_cast<int64_t>(ms * 1e6));
}

// Puts a comma before what it writes where something stands there.
template <class Body>
void append_span(std::string& spans, Body&& body) {
  if (!spans.empty()) spans += ',';
  JsonWriter json(spans);
  json.object([&] { body(json); });
}

}  // namespace

size_t append_spans(const RequestRecord& record, const TraceIds& ids, const ClockPair& clocks,
                    const SpanSource& source, std::string& spans) {
  const auto wall = [&](Clock::time_point time) {
    return clocks.wall - std::chrono::duration_cast<SpanTime::duration>(clocks.steady - time);
  };
  const std::string name =
      record.endpoint.empty() ? record.method : record.method + " " + std::string(record.endpoint);
  append_span(spans, [&](JsonWriter& json) {
    write_head(json, {.trace_id = ids.trace_id,
                      .span_id = ids.span_id,
                      .parent_id = ids.parent_id,
                      .parent_is_remote = !ids.parent_id.empty(),
                      .name = clipped(name),
                      .kind = kServerKind,
                      .begin = wall(record.arrived),
                      .end = wall(record.ended)});
    write_attributes(json, [&](Attributes& attributes) {
      write_http(record, source, attributes);
      write_accel(record, attributes);
    });
    write_status(record, json);
  });
  if (record.longest.total <= 0) return 1;
  SpanTime begin = wall(begin_of_items(record, nanoseconds_of(record.longest.total)));
  for (const ItemStage& stage : kItemStages) {
    const SpanTime end = begin + std::chrono::duration_cast<SpanTime::duration>(
                                     nanoseconds_of(record.longest.*stage.ms));
    append_span(spans, [&](JsonWriter& json) {
      const std::string span_id = child_span_id(ids, stage.name);
      write_head(json, {.trace_id = ids.trace_id,
                        .span_id = span_id,
                        .parent_id = ids.span_id,
                        .name = stage.name,
                        .begin = begin,
                        .end = end});
      if (stage.name != "infer") return;
      write_attributes(json, [&](Attributes& attributes) {
        const auto rows = std::ranges::max_element(record.batch_rows);
        if (rows == record.batch_rows.end()) return;
        attributes.whole("accel.batch.rows", static_cast<uint64_t>(*rows));
      });
    });
    begin = end;
  }
  return 1 + kItemStages.size();
}

std::string export_body(const SpanSource& source, std::string_view spans) {
  std::string body;
  JsonWriter json(body);
  const auto list_of_one = [&](std::string_view name, auto&& element) {
    json.name(name);
    json.array([&] { json.object(element); });
  };
  json.object([&] {
    list_of_one("resourceSpans", [&] {
      json.name("resource");
      json.object([&] {
        write_attributes(json, [&](Attributes& attributes) {
          attributes.text("service.name", source.service_name);
          attributes.text("service.version", source.service_version);
          attributes.text("service.instance.id", source.instance);
        });
      });
      list_of_one("scopeSpans", [&] {
        json.name("scope");
        json.object([&] { json.member("name", "accel"); });
        json.name("spans");
        json.array([&] { json.raw(spans); });
      });
    });
  });
  return body;
}

uint64_t rejected_spans(std::string_view answer) {
  const Result<Json> json = parse_json(answer);
  if (!json.ok() || !json->is_object()) return 0;
  const auto partial = json->find("partialSuccess");
  if (partial == json->end() || !partial->is_object()) return 0;
  const auto rejected = partial->find("rejectedSpans");
  if (rejected == partial->end()) return 0;
  if (rejected->is_number_unsigned()) return rejected->get<uint64_t>();
  if (!rejected->is_string()) return 0;  // a number of 64 bits is a string in proto3's JSON
  const auto& digits = rejected->get_ref<const std::string&>();
  uint64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

}  // namespace accel::server
