// Reading JSON from front to back, without a tree: what a request says goes straight to where it
// is used, and arrays of a million numbers are as quick as their digits.
//
//   std::string model;
//   std::vector<std::string> texts;
//   ACCEL_TRY(read_json(body, [&](JsonValue& root) {
//     return root.members([&](std::string_view name, JsonValue& value) -> Status {
//       if (name == "model") return value.read(model);
//       if (name == "input") return value.read(texts);
//       return value.skip();
//     });
//   }));
//
// RFC 8259, parsed by simdjson: the whole text must be valid UTF-8 and one value, at most 64 levels
// deep; a byte order mark before it is skipped. An escaped half of a surrogate pair without the
// other, which UTF-8 cannot hold, is refused. What nobody reads is checked all the same, except
// that a number in it may be of any size. Errors are INVALID_ARGUMENT, with the name of the member
// ("input[3]: expected a string, found a number") and the byte offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::server {

enum class JsonKind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

std::string_view to_string(JsonKind kind);  // "a number"

// A value of a text that is being read. Each is read once, by one call, before the next is looked
// at; valid only during the call that gives it. One that is not read is skipped; one that is read
// twice is an INTERNAL error. The first error of any call ends the reading, also where a reader
// does not return it.
class JsonValue {
 public:
  virtual JsonKind kind() = 0;

  // The value as one of these types, and nothing else is taken for it: 1.0 is no integer, "1" no
  // number. Integers out of the type's range are refused.
  virtual Status read(bool& value) = 0;
  virtual Status read(int64_t& value) = 0;
  virtual Status read(uint64_t& value) = 0;
  virtual Status read(double& value) = 0;
  virtual Status read(std::string& value) = 0;
  Status read(std::vector<std::string>& values);  // of an array; replaces what is there
  Status read(std::vector<int64_t>& values);      // likewise
  // null leaves it empty.
  template <class T>
  Status read(std::optional<T>& value);

  using ElementReader = std::function<Status(JsonValue& value)>;
  using MemberReader = std::function<Status(std::string_view name, JsonValue& value)>;
  // Calls `reader` for each in order, which reads or skips it; its first error ends it and comes
  // back as it is. A name may come twice: `reader` is called twice.
  virtual Status elements(const ElementReader& reader) = 0;
  virtual Status members(const MemberReader& reader) = 0;
  virtual Status skip() = 0;

  // All numbers (or bools) of an array of arrays, however deep, in their order, appended to `bytes`
  // as `dtype`: the fast path of tensors. `shape`, where given, becomes the lengths of the nested
  // arrays, outermost first; ragged ones are refused then. Integers are checked against the range
  // of `dtype`; floating ones are rounded to it, to nearest even, f16, bf16 and f8 from the nearest
  // f64, and refused beyond its largest; bool takes true, false, 0, 1. RESOURCE_EXHAUSTED beyond
  // `count_max` numbers. After an error some of the numbers may have been appended.
  virtual Status append_numbers(DType dtype, uint64_t count_max, std::string& bytes,
                                std::vector<int64_t>* shape) = 0;
  // The value's own text, from its first to its last character.
  virtual Status raw(std::string& text) = 0;

 protected:
  ~JsonValue() = default;
};

template <class T>
Status JsonValue::read(std::optional<T>& value) {
  if (kind() == JsonKind::kNull) {
    value.reset();
    return skip();
  }
  return read(value.emplace());
}

// Reads the value that `text` is. All of it is known to be valid when ok is returned, not before.
// The capacity of `text` is used as padding where it is at least 64 bytes larger than its size;
// else it grows. RESOURCE_EXHAUSTED from 4 GiB on. For the time of the call, memory of up to 6
// times the size of `text` is asked for, of which what is needed is touched.
Status read_json(std::string& text, const JsonValue::ElementReader& reader);

}  // namespace accel::server
