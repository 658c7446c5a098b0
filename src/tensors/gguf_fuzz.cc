// Any bytes as a GGUF file, and as what stands behind the first letters of one.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tensors/gguf.h"

namespace {

using accel::tensors::GgufTensor;

// What was accepted lies inside the file, and unpacks.
void check_tensor(std::span<const std::byte> file, const GgufTensor& tensor) {
  const auto count = accel::element_count(tensor.shape);
  if (!count || tensor.begin > tensor.end || tensor.end > file.size()) std::abort();
  if (*count / tensor.format->elements * tensor.format->bytes != tensor.end - tensor.begin) {
    std::abort();
  }
  if (tensor.format->split == nullptr) return;
  std::vector<float> numbers(*count);
  accel::tensors::unpack_blocks(*tensor.format,
                                file.subspan(tensor.begin, tensor.end - tensor.begin), numbers);
}

void check(std::span<const std::byte> file) {
  const auto header = accel::tensors::parse_gguf(file);
  if (!header.ok()) return;
  for (const auto& entry : header->metadata) {
    const auto& value = entry.value;
    const bool scalar = value.number() || value.flag() || value.text();
    const bool list = value.type == accel::tensors::GgufType::kArray;
    if (scalar == list) std::abort();
    if (const auto texts = value.texts(); texts && texts->size() != value.count) std::abort();
    if (const auto numbers = value.numbers(); numbers && numbers->size() != value.count) {
      std::abort();
    }
    static_cast<void>(value.integers());
  }
  for (const GgufTensor& tensor : header->tensors) check_tensor(file, tensor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check({reinterpret_cast<const std::byte*>(data), size});
  std::string file("GGUF\3\0\0\0", 8);
  file.append(reinterpret_cast<const char*>(data), size);
  check(std::as_bytes(std::span(file)));
  return 0;
}
