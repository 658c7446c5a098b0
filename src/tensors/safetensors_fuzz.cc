// Whatever the bytes, the header is refused or its tensors lie inside the file and cover it. Each
// input is tried as a file, and as the JSON text of a file with kDataBytes of data, which spares
// the fuzzer from guessing lengths.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tensors/safetensors.h"

namespace {

constexpr uint64_t kDataBytes = 64;

void check(std::span<const std::byte> head, uint64_t file_size) {
  const auto header = accel::tensors::parse_safetensors_header(head, file_size);
  if (!header.ok()) return;
  uint64_t end = header->data_begin;
  for (const accel::tensors::TensorEntry& entry : header->entries) {
    const auto count = accel::element_count(entry.shape);
    if (entry.begin != end || entry.end > file_size || !count) std::abort();
    if (*count * accel::size_of(entry.dtype) != entry.end - entry.begin) std::abort();
    end = entry.end;
  }
  if (end != file_size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check({reinterpret_cast<const std::byte*>(data), size}, size);
  const uint64_t length = size;
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  file.append(reinterpret_cast<const char*>(data), size);
  check({reinterpret_cast<const std::byte*>(file.data()), file.size()}, file.size() + kDataBytes);
  return 0;
}
