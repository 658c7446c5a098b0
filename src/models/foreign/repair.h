// What an ONNX graph says and its conversion, or the engine's CPU device, gets wrong: put right in
// the converted graph. Each was found by the ONNX project's tests
// (tools/check_onnx_conformance.py) with OpenVINO 2026.4.
#pragma once

#include <openvino/core/model.hpp>

#include "accel/status.h"
#include "models/foreign/onnx_header.h"

namespace accel::models::foreign {

// Changes `model`, converted from the file that says `header`, and the graphs inside it:
//
// * TopK: of equal values the lower index comes first, of NaN there is no promise;
// * constants of bf16 and f64 keep their infinities;
// * causal Attention with a past counts from its end, whatever the number of new keys;
// * QuantizeLinear and DynamicQuantizeLinear whose integers are seen are exact (quantize.h);
// * ReduceMax and ReduceMin of nothing but infinities, or of nothing, are infinite;
// * Tile by repeats that are no constant reads what it should;
// * NonMaxSuppression keeps boxes that overlap by just its threshold;
// * MaxPool with ceil_mode has no window that begins in the padding;
// * DFT counts a negative axis as ONNX does, one-sided ones have its shapes;
// * an input that is an output, too, has both names.
//
// UNIMPLEMENTED names a Resize between aligned corners by scales that give no whole sizes, and a
// DFT of a tensor without a rank.
Status repair(ov::Model& model, const OnnxHeader& header);

}  // namespace accel::models::foreign
