// QuantizeLinear and DynamicQuantizeLinear as ONNX defines them: the nearest integer of x / scale,
// ties to even, plus the zero point. The front end of OpenVINO 2026.4 makes FakeQuantize of the
// first, which adds before it rounds (ties of an odd zero point go to the other side), and
// x * 255 / range of the second; the device multiplies by the scale's rounded inverse.
#pragma once

#include "models/foreign/graph_edit.h"

namespace accel::models::foreign {

// Changes `node` when it is part of one whose integers are seen: given out, or read by an operation
// other than a DequantizeLinear. Where they are not, FakeQuantize stays: it is what the engine's
// 8-bit kernels are made from, which round in their own way.
void quantize_as_said(const NodePtr& node);

}  // namespace accel::models::foreign
