// Whatever the bytes, they are refused or a header inside them, which is written again as it was
// read. The checksum keeps a fuzzer out of the JSON, so the input is also taken as the JSON of a
// header that is otherwise right.
#include "store/entry.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "store/hash.h"

namespace {

constexpr size_t kSumAt = 56;
constexpr size_t kJsonAt = 88;
constexpr size_t kBegin = 8192;

void check(std::string_view text) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(text.data()),
                                         text.size());
  const auto header = accel::store::parse_entry_header(bytes, bytes.size());
  if (!header.ok()) return;
  if (header->payload_begin > bytes.size()) std::abort();
  if (header->payload_begin + header->payload_bytes != bytes.size()) std::abort();
  (void)accel::store::checked_payload(bytes, *header);
  accel::store::EntryHeader again = *header;
  const std::string written = accel::store::encode_entry_header(again);
  const std::span<const std::byte> front(reinterpret_cast<const std::byte*>(written.data()),
                                         written.size());
  const auto reread =
      accel::store::parse_entry_header(front, written.size() + header->payload_bytes);
  if (!reread.ok() || reread->key != header->key) std::abort();
}

std::string with_json(std::string_view json) {
  accel::store::EntryHeader header{.key = {.kind = "graph", .parts = {}}};
  std::string bytes = accel::store::encode_entry_header(header).substr(0, kJsonAt);
  for (size_t i = 0; i < 4; ++i) {
    bytes[8 + i] = static_cast<char>(json.size() >> 8 * i);
    bytes[12 + i] = static_cast<char>(kBegin >> 8 * i);
  }
  bytes += json;
  bytes.resize(kBegin, '\0');
  accel::store::Fingerprinter sum;
  sum.add(std::string_view(bytes).substr(0, kSumAt));
  sum.add(std::string_view(bytes).substr(kJsonAt));
  return bytes.replace(kSumAt, 32, sum.digits());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text);
  check(with_json(text.substr(0, std::min(size, kBegin - kJsonAt))));
  return 0;
}
