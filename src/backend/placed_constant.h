// A constant of a graph whose bytes lie in a file already, or will: it has a type, a shape and a
// place there, and no bytes in memory. So a graph can be written whose weights never are in memory
// together.
//
//   auto weight = std::make_shared<PlacedConstant>(ov::element::u8, shape, Place{offset, bytes});
//   ... build a graph with it ...
//   ACCEL_ASSIGN(PlacedIr ir, write_placed_ir(graph, end_of_the_file));
//   append(ir.rest);  // at the aligned end
//
// Nothing may ask such a constant for its values: it is for writing only.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>
#include <openvino/op/constant.hpp>
#include <string>

#include "accel/status.h"

namespace accel::backend {

struct Place {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

class PlacedConstant : public ov::op::v0::Constant {
 public:
  PlacedConstant(const ov::element::Type& type, const ov::Shape& shape, Place place);

  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;

 private:
  Place place_;
  // What a serializer gets in place of the bytes. It compares what it writes with what it wrote, at
  // the addresses of then: so this lives as long as the constant.
  std::shared_ptr<ov::op::v0::Constant> mark_;
};

// Constants begin at multiples of so many bytes.
constexpr uint64_t kConstantAlignment = 64;
constexpr uint64_t aligned(uint64_t offset) {
  return (offset + kConstantAlignment - 1) / kConstantAlignment * kConstantAlignment;
}

struct PlacedIr {
  std::string text;  // the .xml file
  std::string rest;  // the constants that are not placed: they belong at `rest_offset`
};

// The graph as OpenVINO IR. UNIMPLEMENTED for a graph that IR cannot hold. `model` is validated
// again on the way.
Result<PlacedIr> write_placed_ir(const std::shared_ptr<ov::Model>& model, uint64_t rest_offset);

}  // namespace accel::backend
