// Protobuf's wire format, field by field: enough to look into a file before an engine opens it.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace accel::models::foreign {

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

 private:
  std::optional<uint64_t> varint();
  std::optional<WireField> fail();

  std::string_view rest_;
  bool broken_ = false;
};

}  // namespace accel::models::foreign
