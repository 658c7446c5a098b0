// Convolutions over time. B: batch, C: channels, T: steps of time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/weights.h"

namespace accel::models {

// The last step of an even, centred kernel sees nothing: padding of kernel / 2 in front and one
// less behind keeps T.
struct Convolution1d {
  int64_t in = 1;
  int64_t out = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;         // zeros in front
  int64_t padding_behind = 0;  // zeros behind
  int64_t groups = 1;
  bool bias = true;
};

// "NAME.weight" [out, in / groups, kernel] and "NAME.bias" [out]: [B, in, T] -> [B, out, T'].
Output convolution_1d(Weights& weights, const std::string& name, const Output& x,
                      const Convolution1d& shape);

// The same with a kernel that is computed first.
Output convolution_1d(const Output& x, const Output& kernel, const std::optional<Output>& bias,
                      const Convolution1d& shape);

// The kernel stored as direction and length per step of time (Salimans and Kingma,
// arXiv:1602.07868): v / |v| * g, [out, in / groups, kernel], from "NAME.weight_g" [1, 1, kernel]
// and "NAME.weight_v", or "NAME.parametrizations.weight.original0" and "...original1".
Output weight_normed_kernel(Weights& weights, const std::string& name, const Convolution1d& shape);

// [B, C, T] <-> [B, T, C].
Output swap_time_and_channels(const Output& x);

}  // namespace accel::models
