#include "engine/sample_inputs.h"

#include <algorithm>
#include <random>

#include "base/try.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kPixels = 64;     // of a free height or width: what halves five times
constexpr int64_t kSamples = 8000;  // half a second
constexpr int64_t kFrames = 128;

// A size for the free axis `axis` of an input.
int64_t free_size(const backend::Port& port, size_t axis, const SampleLimits& limits) {
  const auto known = limits.shapes.find(port.name);
  if (known != limits.shapes.end() && known->second.size() == port.shape.size() &&
      known->second[axis] > 0) {
    return known->second[axis];
  }
  if (axis == 0) return limits.batch;
  if (is_integer(port.dtype)) {
    // Of [B, C, L] the choices.
    if (port.shape.size() == 3 && axis == 1) return 2;
    return limits.longest > 0 ? std::min(limits.tokens, limits.longest) : limits.tokens;
  }
  if (port.shape.size() >= 4) return axis == 1 ? kChannels : kPixels;
  return port.shape.size() == 2 ? kSamples : kFrames;
}

bool is_called(const std::string& name, std::string_view word) {
  return name.find(word) != std::string::npos;
}

// i64 of that shape.
Tensor integers(const backend::Port& port, const Shape& shape, const SampleLimits& limits,
                std::mt19937& random) {
  Tensor tensor = Tensor::allocate(DType::kI64, shape);
  auto* values = reinterpret_cast<int64_t*>(tensor.mutable_data());
  const int64_t length = shape.empty() ? 1 : shape.back();
  const auto found = limits.rows.find(port.name);
  const int64_t rows = found == limits.rows.end() ? 2 : std::max<int64_t>(found->second, 1);
  for (size_t i = 0; i < tensor.count(); ++i) {
    const int64_t column = static_cast<int64_t>(i) % length;
    const int64_t row = static_cast<int64_t>(i) / length;
    if (is_called(port.name, "mask")) {
      values[i] = row % 2 == 1 && column >= length - length / 4 ? 0 : 1;
    } else if (is_called(port.name, "position")) {
      values[i] = found == limits.rows.end() ? column : column % rows;
    } else {
      values[i] = static_cast<int64_t>(random() % static_cast<uint64_t>(rows));
    }
  }
  return tensor;
}

Tensor floats(const Shape& shape, std::mt19937& random) {
  Tensor tensor = Tensor::allocate(DType::kF32, shape);
  auto* values = reinterpret_cast<float*>(tensor.mutable_data());
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < tensor.count(); ++i) values[i] = normal(random);
  return tensor;
}

}  // namespace

SampleLimits sample_limits(const models::ModelFolder& folder, models::Head head) {
  SampleLimits limits{.longest = folder.max_tokens()};
  for (const auto& [name, rows] : folder.facts().index_limits) limits.rows[name] = rows;
  for (const models::InputSpec& spec : folder.inputs(head)) {
    limits.shapes[std::string(spec.name)] = spec.shape;
  }
  for (const auto& [name, most] : folder.facts().length_limits) {
    limits.longest = limits.longest > 0 ? std::min(limits.longest, most) : most;
  }
  return limits;
}

Result<NamedTensors> sample_inputs(const backend::Signature& signature,
                                   const SampleLimits& limits) {
  std::mt19937 random(20260729);
  NamedTensors inputs;
  for (const backend::Port& port : signature.inputs) {
    Shape shape = port.shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] < 0) shape[axis] = free_size(port, axis, limits);
    }
    const bool whole = is_integer(port.dtype) || port.dtype == DType::kBool;
    const Tensor made = whole ? integers(port, shape, limits, random) : floats(shape, random);
    ACCEL_ASSIGN(Tensor fitted, tensors::convert_dtype(made, port.dtype));
    inputs.push_back({port.name, std::move(fitted)});
  }
  return inputs;
}

}  // namespace accel::engine
