// Requests and replies, as either process may get them from a broken other one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backends/process/control_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::backend;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto request = decode_request(bytes);
  if (request.ok() && !decode_request(encode(*request)).ok()) std::abort();
  const auto reply = decode_reply(bytes);
  if (reply.ok() && !decode_reply(encode(*reply)).ok()) std::abort();
  return 0;
}
