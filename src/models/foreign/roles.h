// Which input and output of a foreign graph is which of its family's: exporters and frameworks call
// them differently. What has no place is an error that lists it, never dropped.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "models/family.h"

namespace accel::models::foreign {

// An input or output of a graph as it stands in its file.
struct GraphPort {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // -1: free
};

std::string describe(const GraphPort& port);                // "\"x\" f32[?, 4]"
std::string describe(const std::vector<GraphPort>& ports);  // with commas between

// An input of the graph under the family's name. Its shape is the narrower of the graph's and the
// family's.
struct MappedInput {
  size_t port = 0;  // in the graph's inputs
  InputSpec spec;   // `name` and `like` view the family's specs
};

// The inputs of a graph as those of its family: by name ("input_ids", also "serving_default_
// input_ids:0"), by a name that is used for the role ("segment_ids", "inputs"), or as the only one
// left of a kind. Optional inputs of the family that the graph has are optional still where they
// can be filled (attention_mask with ones, token_type_ids with zeros, in the shape of another
// input), else needed.
//
// INVALID_ARGUMENT lists the graph's inputs that have no role, the family's that the graph lacks
// and cannot do without, and shapes that contradict each other.
Result<std::vector<MappedInput>> map_inputs(const std::vector<GraphPort>& ports,
                                            std::span<const InputSpec> specs);

// The value that stands for an optional input nobody gives; none: it cannot be filled.
std::optional<int64_t> filling(std::string_view role);

// The input in whose shape `spec` is filled; empty: none. A pixel_mask lacks its channels.
std::string_view filled_like(const InputSpec& spec);

// Names for the outputs of a graph that computes `head`: the reference library's for those that the
// head has, their own for the rest.
//
// INVALID_ARGUMENT lists the head's outputs that are not found and the graph's.
Result<std::vector<std::string>> name_outputs(const std::vector<GraphPort>& ports, Head head);

// The head that the graph's outputs fit: `wanted`, else the base. INVALID_ARGUMENT as
// name_outputs() for `wanted`.
Result<Head> fitting_head(const std::vector<GraphPort>& ports, Head wanted);

// The graph's own output of sentence embeddings, [B, size]; none: it has none.
std::optional<size_t> sentence_output(const std::vector<GraphPort>& ports);

}  // namespace accel::models::foreign
