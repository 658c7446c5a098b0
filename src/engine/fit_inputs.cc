#include "engine/fit_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/try.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

std::string describe_inputs(const std::vector<models::InputSpec>& specs) {
  std::vector<std::string> parts;
  for (const models::InputSpec& spec : specs) {
    parts.push_back(fmt::format("{} {}{}{}", spec.name, to_string(spec.dtype),
                                to_string(spec.shape),
                                spec.needed == models::Needed::kAlways ? "" : " (optional)"));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Row numbers must lie inside their tables: engines read past them silently.
Status check_indices(const models::Facts& facts, const NamedTensor& input) {
  const auto limit =
      std::ranges::find(facts.index_limits, input.name, &std::pair<std::string, int64_t>::first);
  if (limit != facts.index_limits.end()) {
    const Result<Tensor> wide = tensors::convert_dtype(input.tensor, DType::kI64);
    if (!wide.ok()) return wide.status().with_context(input.name);
    const auto values = wide->data<int64_t>();
    const int64_t least = facts.negative_indices ? -limit->second : 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= least && values[i] < limit->second) continue;
      return out_of_range(fmt::format("{}: expected values from {} to {}, found {} at element {}",
                                      input.name, least, limit->second - 1, values[i], i));
    }
  }
  int64_t longest = input.name == "input_ids" ? facts.max_positions : 0;
  for (const auto& [name, most] : facts.length_limits) {
    if (name == input.name) longest = most;
  }
  const Shape& shape = input.tensor.shape();
  if (longest <= 0 || shape.size() < 2) return {};
  const int64_t length = shape.size() == 3 ? shape[2] : shape[1];  // of choices, the last
  if (length > longest) {
    return out_of_range(
        fmt::format("{}: expected at most {} tokens, found {}", input.name, longest, length));
  }
  return {};
}

bool fits(const Shape& shape, const Shape& expected) {
  return std::ranges::equal(
      shape, expected, [](int64_t size, int64_t wanted) { return wanted == -1 || size == wanted; });
}

}  // namespace

Result<NamedTensors> fit_inputs(const NamedTensors& inputs,
                                const std::vector<models::InputSpec>& specs,
                                const models::Facts& facts) {
  NamedTensors fitted;
  std::vector<std::string> problems;
  const std::vector<std::string>& unused = facts.unused_inputs;
  for (const NamedTensor& input : inputs) {
    const auto spec = std::ranges::find(specs, input.name, &models::InputSpec::name);
    if (spec == specs.end()) {
      if (std::ranges::find(unused, input.name) != unused.end()) continue;
      problems.push_back(fmt::format("{} is no input of this model", input.name));
      continue;
    }
    if (!fits(input.tensor.shape(), spec->shape)) {
      problems.push_back(
          fmt::format("{} has shape {}", input.name, to_string(input.tensor.shape())));
      continue;
    }
    Result<Tensor> converted = tensors::convert_dtype(input.tensor, spec->dtype);
    const bool kind_differs = is_integer(spec->dtype) != is_integer(input.tensor.dtype());
    if (kind_differs || !converted.ok()) {
      problems.push_back(
          fmt::format("{} has dtype {}", input.name, to_string(input.tensor.dtype())));
      continue;
    }
    fitted.push_back({input.name, std::move(*converted)});
  }
  for (const models::InputSpec& spec : specs) {
    if (spec.needed == models::Needed::kAlways && find(inputs, spec.name) == nullptr) {
      problems.push_back(fmt::format("{} is missing", spec.name));
    }
  }
  if (!problems.empty()) {
    return invalid_argument(
        fmt::format("{}; expected {}", fmt::join(problems, ", "), describe_inputs(specs)));
  }
  for (const NamedTensor& input : fitted) {
    ACCEL_TRY(check_indices(facts, input));
    const auto spec = std::ranges::find(specs, input.name, &models::InputSpec::name);
    const Tensor* model = find(fitted, spec->like);
    if (model != nullptr && input.tensor.shape() != model->shape()) {
      return invalid_argument(fmt::format("{} has shape {} and {} has shape {}; expected the same",
                                          input.name, to_string(input.tensor.shape()), spec->like,
                                          to_string(model->shape())));
    }
  }
  return fitted;
}

}  // namespace accel::engine
