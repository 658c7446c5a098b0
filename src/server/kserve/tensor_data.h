// What an input or output of the Open Inference Protocol holds. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "server/kserve/datatypes.h"

namespace accel::server::kserve {

// As many values as `shape` has elements, row-major.
struct Strings {
  Shape shape;
  std::vector<std::string> values;
};

using TensorData = std::variant<Tensor, Strings>;

Datatype datatype_of(const TensorData& data);
const Shape& shape_of(const TensorData& data);

// How many elements a shape has that a client sent. INVALID_ARGUMENT: an axis of less than 0, more
// than 16 of them, or more elements than can be.
Result<uint64_t> count_of(const Shape& shape);

// Binary data, which must be exactly what the shape needs. Numbers are a view of `bytes`, which
// `owner` keeps alive, unless they lie where the processor does not expect them: then a copy.
// Numbers are little-endian, as those of this processor.
Result<TensorData> data_of_bytes(Datatype datatype, Shape shape, std::string_view bytes,
                                 std::shared_ptr<const void> owner);
// The same way back; f8 as its bytes.
void append_bytes(const TensorData& data, std::string& bytes);
uint64_t byte_size_of(const TensorData& data);

}  // namespace accel::server::kserve
