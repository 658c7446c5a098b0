// Whatever stands in "traceparent", it is ignored, or gives ids that may be passed on.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/sight/trace_context.h"

namespace {

void expect_id(const std::string& id, size_t digits) {
  const bool fine = id.size() == digits &&
                    id.find_first_not_of("0123456789abcdef") == std::string::npos &&
                    id.find_first_not_of('0') != std::string::npos;
  if (!fine) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  accel::server::RequestRecord record;
  record.trace_parent.assign(reinterpret_cast<const char*>(data), size);
  const auto parent = accel::server::parse_trace_parent(record.trace_parent);
  const accel::server::TraceIds ids = accel::server::trace_ids_of(record, 1);
  expect_id(ids.trace_id, 32);
  expect_id(ids.span_id, 16);
  if (!parent) return ids.parent_id.empty() && ids.sampled ? 0 : (std::abort(), 0);
  expect_id(parent->trace_id, 32);
  expect_id(parent->span_id, 16);
  const std::string again =
      "00-" + parent->trace_id + "-" + parent->span_id + (parent->sampled ? "-01" : "-00");
  const auto same = accel::server::parse_trace_parent(again);
  if (!same || same->trace_id != ids.trace_id || same->span_id != ids.parent_id ||
      same->sampled != ids.sampled) {
    std::abort();
  }
  return 0;
}
