// Whatever stands in the headers that may hold a key, it is refused or is a plain text that stood
// there, and a refusal does not show it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/gate/shown_key.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr const char* kNames[] = {"authorization", "x-api-key", "api-key"};
  const std::string value(reinterpret_cast<const char*>(data + 1), size - 1);
  const accel::http::Headers headers{{kNames[data[0] % 3], value}};
  const auto key = accel::server::shown_key(headers);
  if (!key.ok()) {
    expect(key.status().code() == accel::StatusCode::kUnauthenticated);
    return 0;
  }
  expect(key->empty() || value.find(*key) != std::string::npos);
  for (const char c : *key) expect(c > 0x20 && c < 0x7f);
  return 0;
}
