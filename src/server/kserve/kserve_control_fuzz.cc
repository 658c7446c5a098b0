// Random bytes as the small bodies of KServe's other endpoints, which are refused or understood.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/endpoint.h"
#include "server/kserve/datatypes.h"

namespace accel::server::kserve {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void run(const Endpoint& endpoint, std::string body) {
  const http::RequestHead head{.method = "POST", .path = "/"};
  const std::vector<std::string> captured = {"m"};
  const Result<Call> call = endpoint.parse(Asked{head, captured, std::move(body), {}});
  check(call.ok() || call.status().code() == StatusCode::kInvalidArgument);
}

void run_strings(std::string_view bytes, uint64_t count) {
  const auto strings = parse_strings(bytes, count);
  if (!strings.ok()) return;
  std::string back;
  append_strings(*strings, back);
  check(back == bytes && strings->size() == count);
}

}  // namespace
}  // namespace accel::server::kserve

// The first byte is how many strings the others are.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  for (const accel::server::Endpoint& endpoint : accel::server::endpoints()) {
    if (!endpoint.path.starts_with("/v2/repository")) continue;
    accel::server::kserve::run(endpoint, body);
  }
  accel::server::kserve::run_strings(body, data[0]);
  return 0;
}
