// Protobuf's wire format, field by field: messages are read where they lie and written without a
// tree. https://protobuf.dev/programming-guides/encoding/
//
//   WireReader reader(message);
//   while (const auto field = reader.next()) {
//     if (field->is(1, WireType::kBytes)) name = field->bytes;
//   }
//   if (reader.broken()) ...
//
//   WireWriter writer;
//   writer.text(1, name);
//   writer.message(2, [&](WireWriter& inner) { inner.integer(1, 7); });
//   send(writer.take());
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace accel {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;           // of a varint or a fixed one
  std::string_view bytes = {};  // of bytes: a view of the message

  bool is(uint32_t wanted, WireType kind) const { return number == wanted && type == kind; }
};

// Reads the fields of one message. Copies nothing and touches no page of what it passes over.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  // The next field; none at the end, and where the bytes are no message: broken() tells.
  std::optional<WireField> next();
  bool broken() const { return broken_; }

  // The numbers of a packed field, whose bytes these are; none at the end or where they are none.
  std::optional<uint64_t> next_varint();

 private:
  std::optional<uint64_t> varint();
  std::optional<WireField> fail();

  std::string_view rest_;
  bool broken_ = false;
};

// Writes the fields of one message, in the order of the calls. What has its type's default is
// written too: whoever follows proto3 leaves it out.
class WireWriter {
 public:
  void integer(uint32_t number, uint64_t value);  // int32 and int64 by their two's complement
  void flag(uint32_t number, bool value) { integer(number, value ? 1 : 0); }
  void real32(uint32_t number, float value);
  void real64(uint32_t number, double value);
  void text(uint32_t number, std::string_view bytes);  // strings and bytes
  // Where exactly `size` bytes are to be appended, of strings and bytes that lie nowhere yet.
  std::string& text_of(uint32_t number, size_t size);
  void packed(uint32_t number, std::span<const int64_t> values);

  template <class Fill>
  void message(uint32_t number, Fill fill) {
    WireWriter inner;
    fill(inner);
    text(number, inner.bytes_);
  }

  size_t size() const { return bytes_.size(); }
  void reserve(size_t bytes) { bytes_.reserve(bytes); }
  std::string take() { return std::exchange(bytes_, {}); }

 private:
  void varint(uint64_t value);
  void key(uint32_t number, WireType type);
  void fixed(uint64_t value, int size);

  std::string bytes_;
};

}  // namespace accel
