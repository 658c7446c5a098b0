// What a session and its worker process say to each other for a run: where tensors lie in shared
// memory, and what came of it. Pure; neither side trusts the other's bytes.
//
//   accel                              worker
//   kRun    inputs [+ their memory] ->
//                                   <- kDone       outputs
//                                   or kFailed     code, text
//                                   or kNeedsRoom  bytes
//   kRoom   [+ memory for outputs]  ->
//                                   <- kDone       outputs
//
// Little-endian: kind (1 byte), then by kind
//   kRun, kDone   number of tensors (4); each: dtype (1), rank (1), sizes (8 each), offset (8)
//   kNeedsRoom    bytes (8)
//   kFailed       code (1), then the text to the end
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::backend {

// A tensor in shared memory.
struct PlacedTensor {
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t offset = 0;  // a multiple of 64
  bool operator==(const PlacedTensor&) const = default;
};

enum class RunKind : uint8_t { kRun = 1, kRoom, kDone, kNeedsRoom, kFailed };

struct RunMessage {
  RunKind kind = RunKind::kRoom;
  std::vector<PlacedTensor> tensors = {};  // of kRun and kDone, in the signature's order
  uint64_t bytes = 0;                      // of kNeedsRoom
  Status error = {};                       // of kFailed: code and message, never OK
};

std::string encode(const RunMessage& message);

// DATA_LOSS for bytes that encode() does not write. Whether tensors lie inside their memory says
// check_places().
Result<RunMessage> decode(std::string_view bytes);

// Bytes of a tensor; none for one that no memory holds.
std::optional<uint64_t> bytes_of(const PlacedTensor& tensor);

// Places tensors one behind the other; all bytes together, none when no memory holds them.
std::optional<uint64_t> place(std::span<PlacedTensor> tensors);

// DATA_LOSS unless each tensor begins at a multiple of 64 and lies inside `memory_bytes`.
Status check_places(std::span<const PlacedTensor> tensors, uint64_t memory_bytes);

}  // namespace accel::backend
