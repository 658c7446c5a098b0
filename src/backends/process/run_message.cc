#include "backends/process/run_message.h"

namespace accel::backend {
namespace {

constexpr uint64_t kTensorAlignment = 64;
constexpr size_t kTensorsMax = 4096;
constexpr size_t kTensorRankMax = 64;
constexpr size_t kErrorTextMax = size_t{64} << 10;
constexpr uint64_t kMemoryMax = uint64_t{1} << 46;

void put_number(std::string& text, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
}

// Takes numbers off the front; after one that is not there, ok is false.
struct Reader {
  std::string_view left;
  bool ok = true;

  uint64_t number(size_t bytes) {
    if (left.size() < bytes) ok = false;
    if (!ok) return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(left[i])) << 8 * i;
    }
    left.remove_prefix(bytes);
    return value;
  }
};

Status no_message(std::string_view expected) {
  return data_loss("message of a run: expected " + std::string(expected));
}

PlacedTensor read_tensor(Reader& reader) {
  PlacedTensor tensor;
  const uint64_t dtype = reader.number(1);
  const uint64_t rank = reader.number(1);
  reader.ok = reader.ok && dtype <= static_cast<uint64_t>(DType::kF64) && rank <= kTensorRankMax;
  if (!reader.ok) return tensor;
  tensor.dtype = static_cast<DType>(dtype);
  for (uint64_t i = 0; i < rank; ++i) {
    tensor.shape.push_back(static_cast<int64_t>(reader.number(8)));
  }
  tensor.offset = reader.number(8);
  return tensor;
}

}  // namespace

std::optional<uint64_t> bytes_of(const PlacedTensor& tensor) {
  const std::optional<uint64_t> count = element_count(tensor.shape);
  if (!count || *count > kMemoryMax / size_of(tensor.dtype)) return std::nullopt;
  return *count * size_of(tensor.dtype);
}

std::optional<uint64_t> place(std::span<PlacedTensor> tensors) {
  uint64_t end = 0;
  for (PlacedTensor& tensor : tensors) {
    tensor.offset = (end + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
    const std::optional<uint64_t> bytes = bytes_of(tensor);
    if (!bytes || *bytes > kMemoryMax - tensor.offset) return std::nullopt;
    end = tensor.offset + *bytes;
  }
  return end;
}

Status check_places(std::span<const PlacedTensor> tensors, uint64_t memory_bytes) {
  for (const PlacedTensor& tensor : tensors) {
    const std::optional<uint64_t> bytes = bytes_of(tensor);
    if (!bytes || tensor.offset % kTensorAlignment != 0 || tensor.offset > memory_bytes ||
        *bytes > memory_bytes - tensor.offset) {
      return no_message("tensors inside the shared memory");
    }
  }
  return {};
}

std::string encode(const RunMessage& message) {
  std::string text;
  put_number(text, static_cast<uint64_t>(message.kind), 1);
  switch (message.kind) {
    case RunKind::kRun:
    case RunKind::kDone:
      put_number(text, message.tensors.size(), 4);
      for (const PlacedTensor& tensor : message.tensors) {
        put_number(text, static_cast<uint64_t>(tensor.dtype), 1);
        put_number(text, tensor.shape.size(), 1);
        for (const int64_t size : tensor.shape) put_number(text, static_cast<uint64_t>(size), 8);
        put_number(text, tensor.offset, 8);
      }
      break;
    case RunKind::kNeedsRoom: put_number(text, message.bytes, 8); break;
    case RunKind::kFailed:
      put_number(text, static_cast<uint64_t>(message.error.code()), 1);
      text += message.error.message().substr(0, kErrorTextMax);
      break;
    case RunKind::kRoom: break;
  }
  return text;
}

Result<RunMessage> decode(std::string_view bytes) {
  Reader reader{bytes};
  RunMessage message;
  const uint64_t kind = reader.number(1);
  if (kind < static_cast<uint64_t>(RunKind::kRun) ||
      kind > static_cast<uint64_t>(RunKind::kFailed)) {
    return no_message("its kind");
  }
  message.kind = static_cast<RunKind>(kind);
  if (message.kind == RunKind::kRun || message.kind == RunKind::kDone) {
    const uint64_t count = reader.number(4);
    if (count > kTensorsMax) return no_message("at most 4096 tensors");
    for (uint64_t i = 0; i < count && reader.ok; ++i) {
      message.tensors.push_back(read_tensor(reader));
      if (reader.ok && !bytes_of(message.tensors.back())) return no_message("sizes of a tensor");
    }
  } else if (message.kind == RunKind::kNeedsRoom) {
    message.bytes = reader.number(8);
    if (message.bytes > kMemoryMax) return no_message("a number of bytes that a memory can have");
  } else if (message.kind == RunKind::kFailed) {
    const uint64_t code = reader.number(1);
    if (code == 0 || code > static_cast<uint64_t>(StatusCode::kUnauthenticated) ||
        reader.left.size() > kErrorTextMax) {
      return no_message("an error");
    }
    message.error = Status(static_cast<StatusCode>(code), std::string(reader.left));
    reader.left = {};
  }
  if (!reader.ok || !reader.left.empty()) return no_message("another length");
  return message;
}

}  // namespace accel::backend
