// Changing the element type of a tensor, without silent loss.
#pragma once

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::tensors {

// `tensor` with elements of type `to`. The same type shares the bytes; any other copies.
//
//   integer (and bool) to integer   exact, or refused
//   integer to float, float to integer   exact, or refused (2^24 + 1 to f32, 1.5 to i32)
//   float to a wider float          exact
//   float to a narrower float       rounded to nearest, ties to even; too large becomes infinity
//                                   (NaN in f8_e4m3, which has no infinity), as numpy has it
//
// A bool is 0 or 1; any byte but 0 counts as 1. OUT_OF_RANGE names the first element that does not
// fit, by its value and index.
Result<Tensor> convert_dtype(const Tensor& tensor, DType to);

}  // namespace accel::tensors
