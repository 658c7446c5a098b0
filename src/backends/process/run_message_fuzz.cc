// Messages of a run, as either process may get them from a broken other one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backends/process/run_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::backend;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto message = decode(bytes);
  if (!message.ok()) return 0;
  if (encode(*message) != bytes) std::abort();
  constexpr uint64_t kMemory = 4096;
  if (check_places(message->tensors, kMemory).ok()) {
    for (const PlacedTensor& tensor : message->tensors) {
      if (tensor.offset + *bytes_of(tensor) > kMemory) std::abort();
    }
  }
  const auto total = place(message->tensors);
  if (total && !check_places(message->tensors, *total).ok()) std::abort();
  return 0;
}
