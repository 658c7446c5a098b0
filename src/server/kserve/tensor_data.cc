#include "server/kserve/tensor_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/files.h"
#include "base/try.h"

namespace accel::server::kserve {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kAxesMax = 16;

bool is_aligned(const void* data, size_t size) {
  return reinterpret_cast<uintptr_t>(data) % size == 0;
}

}  // namespace

Datatype datatype_of(const TensorData& data) {
  const auto* tensor = std::get_if<Tensor>(&data);
  return tensor == nullptr ? kBytes : Datatype(tensor->dtype());
}

const Shape& shape_of(const TensorData& data) {
  const auto* tensor = std::get_if<Tensor>(&data);
  return tensor == nullptr ? std::get<Strings>(data).shape : tensor->shape();
}

Result<uint64_t> count_of(const Shape& shape) {
  if (shape.size() > kAxesMax) {
    return invalid_argument(
        fmt::format("expected a shape of at most {} axes, found {}", kAxesMax, shape.size()));
  }
  const auto negative = std::ranges::find_if(shape, [](int64_t length) { return length < 0; });
  if (negative != shape.end()) {
    return invalid_argument(
        fmt::format("expected axes of at least 0 in a shape, found {}", *negative));
  }
  const std::optional<uint64_t> count = element_count(shape);
  if (!count) {
    return invalid_argument(
        fmt::format("expected a shape of fewer elements, found {}", accel::to_string(shape)));
  }
  return *count;
}

Result<TensorData> data_of_bytes(Datatype datatype, Shape shape, std::string_view bytes,
                                 std::shared_ptr<const void> owner) {
  ACCEL_ASSIGN(const uint64_t count, count_of(shape));
  if (datatype == kBytes) {
    ACCEL_ASSIGN(std::vector<std::string> values, parse_strings(bytes, count));
    return TensorData(Strings{std::move(shape), std::move(values)});
  }
  const size_t size = size_of(*datatype);
  // count is at most 2^62, and size 8.
  if (bytes.size() % size != 0 || bytes.size() / size != count) {
    return invalid_argument(fmt::format("expected {} elements of {} bytes, as the shape {} has, "
                                        "found {} bytes",
                                        count, size, accel::to_string(shape), bytes.size()));
  }
  if (is_aligned(bytes.data(), size)) {
    return TensorData(Tensor::wrap(*datatype, std::move(shape), bytes.data(), std::move(owner)));
  }
  Tensor tensor = Tensor::allocate(*datatype, std::move(shape));
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return TensorData(std::move(tensor));
}

void append_bytes(const TensorData& data, std::string& bytes) {
  if (const auto* tensor = std::get_if<Tensor>(&data)) {
    bytes += chars(tensor->bytes());
  } else {
    append_strings(std::get<Strings>(data).values, bytes);
  }
}

uint64_t byte_size_of(const TensorData& data) {
  const auto* tensor = std::get_if<Tensor>(&data);
  return tensor == nullptr ? size_of_strings(std::get<Strings>(data).values) : tensor->byte_size();
}

}  // namespace accel::server::kserve
