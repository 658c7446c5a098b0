// A graph as the list of its nodes in an order in which they can be computed.
//
// Why not ov::Model::evaluate: it copies every constant on each run and keeps every intermediate
// value until the end, and some operations write past the end of their output: MVN into one that it
// does not size when the graph's shapes are free, Add one element into an empty one. Here constants
// are views, a value is dropped after its last use, and every node is first cloned onto the values
// it will read, so that the engine's own shape inference checks them and sizes the outputs; what is
// empty is not computed.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <openvino/runtime/tensor.hpp>
#include <vector>

#include "accel/status.h"

namespace accel::backend {

// Immutable; safe from any thread. Its nodes are only read.
class Schedule {
 public:
  // Every node of `model` must have an evaluate (decompose.h).
  explicit Schedule(std::shared_ptr<const ov::Model> model);

  // Computes the graph's results from its parameters, both in the model's order. INVALID_ARGUMENT
  // naming the node at which the shapes of the inputs contradict each other, UNIMPLEMENTED when an
  // operation cannot be computed for these values after all. May throw the engine's exceptions.
  Status run(const std::vector<ov::Tensor>& inputs, std::vector<ov::Tensor>& outputs) const;

 private:
  // One node: the values (by index) that it reads, the first of those it writes, and those that
  // nobody reads after it.
  struct Step {
    std::shared_ptr<const ov::Node> node;
    std::vector<size_t> reads;
    size_t writes = 0;
    std::vector<size_t> dead;
  };

  std::shared_ptr<const ov::Model> model_;  // owns what the constants view
  std::vector<ov::Tensor> values_;          // constants in their places, all others empty
  std::vector<size_t> parameters_;
  std::vector<size_t> results_;
  std::vector<Step> steps_;
};

}  // namespace accel::backend
