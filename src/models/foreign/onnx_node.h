// A node of an ONNX graph as far as its conversion has to be judged, read without an engine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accel::models::foreign {

struct OnnxAttribute {
  std::optional<int64_t> integer;
  std::optional<std::string_view> text;
};

// Views of the file's bytes.
struct OnnxNode {
  std::string_view name;
  std::string_view operation;
  std::string_view domain;               // "" is ONNX's own
  std::vector<std::string_view> inputs;  // "": left out
  std::map<std::string_view, OnnxAttribute> attributes;

  int64_t number(std::string_view attribute, int64_t otherwise) const;
  std::string_view text(std::string_view attribute, std::string_view otherwise) const;
  bool has_input(size_t index) const { return index < inputs.size() && !inputs[index].empty(); }
};

// What the front end of OpenVINO 2026.4 would leave out of `node` without a word, and what to do
// instead: "with peepholes, which its front end would leave out; export the model without". None:
// it converts the node, or says itself that it cannot. `opset` is of ONNX's own domain.
std::optional<std::string> left_out(const OnnxNode& node, int64_t opset);

}  // namespace accel::models::foreign
