// Pickle, Python's format for objects, read as data: nothing in it is ever executed.
//
// A pickle is a program for a stack machine (the opcodes are documented in Python's pickletools),
// and one of its instructions calls any function by name. Here such a call becomes a value that
// says what would be called with what; only the names that the reader of the result knows are let
// through, and it decides what they mean. Protocol 2 and later, as far as files of tensors need it;
// of earlier ones enough to refuse them with the name at fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::tensors {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kBigInt,  // more than 64 bits
  kFloat,
  kText,
  kBytes,
  kTuple,
  kList,
  kSet,
  kDict,
  kGlobal,      // a function or class, by name
  kCall,        // a function or class with arguments, not called
  kPersistent,  // an object kept outside the pickle, by its id
};

using PickleId = uint32_t;  // of a value in Pickle::values

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t integer = 0;  // kBool, kInt
  double number = 0;    // kFloat
  // kText, kBytes: a view of the input, not checked to be UTF-8. kBigInt: two's complement, little
  // endian. kGlobal: "module.name", one of the known ones.
  std::string_view text = {};
  // kTuple, kList, kSet: the elements. kDict: key, value, key, value ... kCall: what is called, the
  // tuple of its arguments, then key, value ... of what was put into the result, as into a dict.
  // kPersistent: the id.
  std::vector<PickleId> items = {};
};

// Values may share others and, through lists and dicts, contain themselves: whoever walks them
// bounds the way.
struct Pickle {
  std::vector<PickleValue> values;
  PickleId root = 0;
  size_t size = 0;  // bytes of input that it takes, its end mark included
};

// What a pickle may hold. Memory is linear in these, whatever the pickle says.
struct PickleLimits {
  size_t values_max = size_t{2} << 20;  // about 100,000 tensors
  size_t bytes_max = size_t{256} << 20;
};

// The pickle at the start of `bytes`, which outlive the result, as do `globals`: the names that may
// occur, "module.name".
//
// PERMISSION_DENIED naming a global that is not among them; DATA_LOSS with the byte for what is
// truncated or contradicts itself; UNIMPLEMENTED for other instructions, by name where they have
// one; RESOURCE_EXHAUSTED beyond `limits`.
Result<Pickle> read_pickle(std::span<const std::byte> bytes,
                           std::span<const std::string_view> globals,
                           const PickleLimits& limits = {});

}  // namespace accel::tensors
