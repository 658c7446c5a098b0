#include "base/protobuf.h"

#include <bit>
#include <limits>

namespace accel {

std::optional<uint64_t> WireReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> WireReader::next_varint() {
  if (rest_.empty()) return std::nullopt;
  const std::optional<uint64_t> value = varint();
  if (!value) fail();
  return value;
}

std::optional<WireField> WireReader::fail() {
  broken_ = true;
  rest_ = {};
  return std::nullopt;
}

std::optional<WireField> WireReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::optional<uint64_t> key = varint();
  if (!key || *key >> 3 == 0 || *key >> 3 > std::numeric_limits<uint32_t>::max()) return fail();
  WireField field{.number = static_cast<uint32_t>(*key >> 3),
                  .type = static_cast<WireType>(*key & 7)};
  size_t fixed = 0;
  switch (field.type) {
    case WireType::kVarint: {
      const std::optional<uint64_t> value = varint();
      if (!value) return fail();
      field.value = *value;
      return field;
    }
    case WireType::kBytes: {
      const std::optional<uint64_t> size = varint();
      if (!size || *size > rest_.size()) return fail();
      field.bytes = rest_.substr(0, *size);
      rest_.remove_prefix(*size);
      return field;
    }
    case WireType::kFixed64: fixed = 8; break;
    case WireType::kFixed32: fixed = 4; break;
    default: return fail();  // groups are of the last century
  }
  if (rest_.size() < fixed) return fail();
  for (size_t i = 0; i < fixed; ++i) {
    field.value |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
  }
  rest_.remove_prefix(fixed);
  return field;
}

void WireWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<char>(value));
}

void WireWriter::key(uint32_t number, WireType type) {
  varint(static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(type));
}

void WireWriter::fixed(uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
}

void WireWriter::integer(uint32_t number, uint64_t value) {
  key(number, WireType::kVarint);
  varint(value);
}

void WireWriter::real32(uint32_t number, float value) {
  key(number, WireType::kFixed32);
  fixed(std::bit_cast<uint32_t>(value), 4);
}

void WireWriter::real64(uint32_t number, double value) {
  key(number, WireType::kFixed64);
  fixed(std::bit_cast<uint64_t>(value), 8);
}

void WireWriter::text(uint32_t number, std::string_view bytes) {
  text_of(number, bytes.size()).append(bytes);
}

std::string& WireWriter::text_of(uint32_t number, size_t size) {
  key(number, WireType::kBytes);
  varint(size);
  return bytes_;
}

void WireWriter::packed(uint32_t number, std::span<const int64_t> values) {
  WireWriter inner;
  for (const int64_t value : values) inner.varint(static_cast<uint64_t>(value));
  text(number, inner.bytes_);
}

}  // namespace accel
