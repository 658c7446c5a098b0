#include "models/foreign/onnx_node.h"

#include <algorithm>
#include <array>

namespace accel::models::foreign {
namespace {

// Each found by a test of the ONNX project's that gave another result than it should
// (tools/check_onnx_conformance.py), or by a variation of one.
struct LeftOut {
  std::string_view operation;
  bool (*applies)(const OnnxNode& node, int64_t opset);
  std::string_view message;
};

bool has_window(const OnnxNode& node, int64_t /*opset*/) {
  return node.number("left_window_size", -1) >= 0 || node.number("right_window_size", -1) >= 0;
}

bool has_batch_first(const OnnxNode& node, int64_t /*opset*/) {
  return node.number("layout", 0) != 0;
}

constexpr std::string_view kBatchFirst =
    "has its batch in the first axis (layout 1), which its front end gives the axes of layout 0; "
    "export the model with layout 0";

constexpr auto kLeftOut = std::to_array<LeftOut>(
    {{"Attention", has_window,
      "looks at a window of its tokens only, which its front end would leave out; export the model "
      "with the window in its attention mask"},
     // Signed numbers, and shifts by more than their bits.
     {"BitShift", [](const OnnxNode& /*node*/, int64_t opset) { return opset >= 28; },
      "has the rules of opset 28, for which its front end has those of 11; export the model with "
      "an older opset"},
     {"DFT", [](const OnnxNode& node, int64_t opset) { return opset >= 20 && node.has_input(2); },
      "has its axis as an input, which its front end would leave out; export the model with an "
      "opset from 17 to 19, which has it as an attribute"},
     {"GRU", has_batch_first, kBatchFirst},
     {"LSTM", has_batch_first, kBatchFirst},
     {"LSTM", [](const OnnxNode& node, int64_t /*opset*/) { return node.has_input(7); },
      "has peepholes, which its front end would leave out; export the model without them, or with "
      "their arithmetic as operations of its own"},
     {"RNN", has_batch_first, kBatchFirst},
     {"Resize",
      [](const OnnxNode& node, int64_t /*opset*/) {
        return node.number("antialias", 0) != 0 && node.text("mode", "nearest") != "nearest";
      },
      "has an antialiasing filter, which its front end would leave out; export the model without "
      "(antialias=False)"},
     {"Resize",
      [](const OnnxNode& node, int64_t /*opset*/) {
        return node.number("exclude_outside", 0) != 0 && node.text("mode", "nearest") == "cubic";
      },
      "leaves pixels outside the picture out of its sums (exclude_outside), which its front end "
      "does not; export the model without"},
     {"Resize",
      [](const OnnxNode& node, int64_t /*opset*/) {
        return node.has_input(3) && node.text("keep_aspect_ratio_policy", "stretch") != "stretch";
      },
      "keeps the ratio of width and height, which its front end does not; export the model with "
      "the sizes that it shall have"},
     {"RoiAlign",
      [](const OnnxNode& node, int64_t /*opset*/) { return node.text("mode", "avg") == "max"; },
      "takes the largest of the weighted pixels (mode max), for which its front end has the "
      "largest of the samples; export the model with mode avg"},
     {"SpaceToDepth",
      [](const OnnxNode& node, int64_t /*opset*/) { return node.text("mode", "DCR") != "DCR"; },
      "has another mode than DCR, which its front end would leave out; export the model with "
      "Reshape and Transpose in its place"}});

}  // namespace

int64_t OnnxNode::number(std::string_view attribute, int64_t otherwise) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? otherwise : it->second.integer.value_or(otherwise);
}

std::string_view OnnxNode::text(std::string_view attribute, std::string_view otherwise) const {
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? otherwise : it->second.text.value_or(otherwise);
}

std::optional<std::string> left_out(const OnnxNode& node, int64_t opset) {
  if (!node.domain.empty() && node.domain != "ai.onnx") return std::nullopt;
  const auto found = std::ranges::find_if(kLeftOut, [&](const LeftOut& rule) {
    return rule.operation == node.operation && rule.applies(node, opset);
  });
  return found == kLeftOut.end() ? std::nullopt : std::optional<std::string>(found->message);
}

}  // namespace accel::models::foreign
