// What the conformance cases are written with: numbers with plain loops, and short names for graph
// nodes. Only for conformance_*.cc and tests of backends.
#pragma once

#include <array>
#include <initializer_list>
#include <openvino/core/model.hpp>
#include <openvino/op/parameter.hpp>
#include <string>
#include <utility>
#include <vector>

#include "backend/conformance.h"

namespace accel::backend {

using Output = ov::Output<ov::Node>;

// --- numbers -----------------------------------------------------------------------------------

// A dense row-major array for computing what is expected, in double.
struct Numbers {
  Shape shape;
  std::vector<double> values;

  explicit Numbers(Shape of_shape);  // zeros
  double& at(std::initializer_list<int64_t> index) { return values[offset(index)]; }
  double at(std::initializer_list<int64_t> index) const { return values[offset(index)]; }

 private:
  size_t offset(std::initializer_list<int64_t> index) const;
};

// Repeatable multiples of 1/64 in [-1, 1], which f32, bf16 and f16 hold exactly. Not all equal, no
// order: `seed` tells two arrays of a case apart.
Numbers samples(Shape shape, uint32_t seed);

Tensor as_f32(const Numbers& numbers);
Tensor as_i64(const Numbers& numbers);
Tensor as_i32(const Numbers& numbers);
Tensor as_bool(const Numbers& numbers);  // true where not zero

// --- shapes ------------------------------------------------------------------------------------

// Sizes of [batch, tokens] in the order of the runs: growing, shrinking and coming back.
inline constexpr std::array<std::pair<int64_t, int64_t>, 4> kSizes{
    {{2, 3}, {1, 1}, {3, 7}, {2, 3}}};

// --- graphs ------------------------------------------------------------------------------------

// A named input; dimensions of -1 are free.
std::shared_ptr<ov::op::v0::Parameter> parameter(const std::string& name,
                                                 const ov::element::Type& type,
                                                 const ov::PartialShape& shape);
Output constant(const Numbers& numbers);              // f32
Output scalar(float value);                           // f32 []
Output integer(int64_t value);                        // i64 []
Output integers(const std::vector<int64_t>& values);  // i64 [n]

template <class Operation, class... Arguments>
Output node(Arguments&&... arguments) {
  return std::make_shared<Operation>(std::forward<Arguments>(arguments)...);
}

std::shared_ptr<const ov::Model> graph(const ov::ParameterVector& inputs,
                                       const std::vector<std::pair<std::string, Output>>& outputs);

// --- the classes of cases ----------------------------------------------------------------------

std::vector<ConformanceCase> arithmetic_cases();
std::vector<ConformanceCase> shape_cases();
std::vector<ConformanceCase> attention_cases();

struct ContractCheck {
  std::string name;
  Status (*check)(const Backend& backend, const CompileOptions& options);
};
std::vector<ContractCheck> contract_checks();

// OK when `found` has the expected names, dtypes, shapes and values (tolerance as above).
Status compare(const NamedTensors& found, const NamedTensors& expected, double tolerance);

}  // namespace accel::backend
