// Whatever the bytes, the file is refused or its tensors lie inside it; all of them can be read.
// Each input is tried as a file, and as the pickle of an archive with kStorageBytes of storage "0",
// which spares the fuzzer from guessing checksums.
#include "tensors/torch_file.h"

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tensors/zip_format.h"

namespace {

using accel::tensors::put_zip_number;
using F = accel::tensors::ZipFormat;

constexpr size_t kStorageBytes = 64;

struct Record {
  std::string_view name;
  std::string_view content;
};

// The numbers that a local header and a directory record share.
void put_facts(std::string& text, const Record& record) {
  put_zip_number<uint16_t>(text, 0);  // version
  put_zip_number<uint16_t>(text, 0);  // flags
  put_zip_number<uint16_t>(text, 0);  // stored
  put_zip_number<uint32_t>(text, 0);  // time
  put_zip_number<uint32_t>(
      text, static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(record.content.data()),
                                          record.content.size())));
  put_zip_number<uint32_t>(text, static_cast<uint32_t>(record.content.size()));
  put_zip_number<uint32_t>(text, static_cast<uint32_t>(record.content.size()));
  put_zip_number<uint16_t>(text, static_cast<uint16_t>(record.name.size()));
  put_zip_number<uint16_t>(text, 0);  // extra
}

std::string archive(std::span<const Record> records) {
  std::string text;
  std::string directory;
  for (const Record& record : records) {
    put_zip_number(directory, F::kCentral);
    put_zip_number<uint16_t>(directory, 0);
    put_facts(directory, record);
    directory.append(10, '\0');
    put_zip_number<uint32_t>(directory, static_cast<uint32_t>(text.size()));
    directory += record.name;
    put_zip_number(text, F::kLocal);
    put_facts(text, record);
    text += record.name;
    text += record.content;
  }
  const size_t begin = text.size();
  text += directory;
  put_zip_number(text, F::kEnd);
  put_zip_number<uint32_t>(text, 0);
  put_zip_number<uint16_t>(text, static_cast<uint16_t>(records.size()));
  put_zip_number<uint16_t>(text, static_cast<uint16_t>(records.size()));
  put_zip_number<uint32_t>(text, static_cast<uint32_t>(directory.size()));
  put_zip_number<uint32_t>(text, static_cast<uint32_t>(begin));
  put_zip_number<uint16_t>(text, 0);
  return text;
}

void check(std::span<const std::byte> bytes) {
  const auto entries = accel::tensors::parse_torch_file(bytes);
  if (!entries.ok()) return;
  for (const accel::tensors::TorchEntry& entry : *entries) {
    const auto count = accel::element_count(entry.shape);
    if (!count) std::abort();
    uint64_t last = 0;
    for (size_t i = 0; *count > 0 && i < entry.shape.size(); ++i) {
      last += static_cast<uint64_t>(entry.shape[i] - 1) * static_cast<uint64_t>(entry.strides[i]);
    }
    const uint64_t size = *count > 0 ? (last + 1) * accel::size_of(entry.dtype) : 0;
    if (entry.begin > bytes.size() || size > bytes.size() - entry.begin) std::abort();
    // Read as TorchFile reads it: the sanitizers watch.
    const accel::Tensor tensor = accel::tensors::read_torch_tensor(bytes, entry, nullptr);
    if (tensor.count() != *count) std::abort();
    unsigned sum = 0;
    for (const std::byte byte : tensor.bytes()) sum += std::to_integer<unsigned>(byte);
    if (sum == ~0U) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check({reinterpret_cast<const std::byte*>(data), size});
  const std::string storage(kStorageBytes, 'x');
  const Record records[] = {
      {"a/data.pkl", {reinterpret_cast<const char*>(data), size}},
      {"a/data/0", storage},
  };
  const std::string text = archive(records);
  check({reinterpret_cast<const std::byte*>(text.data()), text.size()});
  return 0;
}
