// The building blocks of convolutional networks. B: batch, C: channels, H and W: height and width,
// both free. An image is [B, C, H, W], its tokens are [B, H * W, C], row after row.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "accel/status.h"
#include "models/weights.h"

namespace accel::models {

using Extent = std::array<int64_t, 2>;  // along height, along width
constexpr Extent square(int64_t size) { return {size, size}; }

// How a convolution or a pooling steps over its image.
struct Steps {
  Extent stride = square(1);
  Extent padding = square(0);  // on both sides: zeros, and nothing when pooling
  Extent beyond = square(0);   // more of it, below and to the right
  Extent dilation = square(1);
};

struct Kernel {
  int64_t in = 0;  // channels
  int64_t out = 0;
  Extent size = square(1);
  bool bias = true;
};

// Cross-correlation with "NAME.weight" [out, in, h, w] and "NAME.bias" [out] (absent when
// !kernel.bias): [B, in, H, W] -> [B, out, H', W'], H' = (H + 2 padding + beyond - dilation (h -
// 1) - 1) / stride + 1, rounded down.
Output convolution(Weights& weights, const std::string& name, const Output& x, const Kernel& kernel,
                   const Steps& steps = {});

// The same, each channel by itself, with "NAME.weight" [C, 1, h, w] and "NAME.bias" [C].
Output depthwise_convolution(Weights& weights, const std::string& name, const Output& x,
                             int64_t channels, Extent size, const Steps& steps = {});

// Batch normalisation of inference (Ioffe and Szegedy, arXiv:1502.03167) over channels with
// "NAME.running_mean", "NAME.running_var", "NAME.weight" and "NAME.bias" [C]; the engine folds it
// into the convolution before it. [B, C, H, W] -> [B, C, H, W].
Output batch_norm(Weights& weights, const std::string& name, const Output& x, int64_t channels,
                  double epsilon = 1e-5);

// The largest of each window: [B, C, H, W] -> [B, C, H', W'].
Output max_pool(const Output& x, Extent size, const Steps& steps);

// The mean over height and width: [B, C, H, W] -> [B, C], or [B, C, 1, 1] when `keep`.
Output mean_pool(const Output& x, bool keep = false);

// Layer normalisation over channels with "NAME.weight" and "NAME.bias" [C].
Output image_layer_norm(Weights& weights, const std::string& name, const Output& x,
                        int64_t channels, double epsilon);

// The image at height and width `extent`, i64 {H', W'}, bilinear between the centres of pixels:
// [B, C, H, W] -> [B, C, H', W'].
Output resize(const Output& x, const Output& extent);

// {H, W} of an image, i64 [2].
Output extent_of(const Output& image);

// [B, C, H, W] -> [B, H * W, C].
Output to_tokens(const Output& image);

// [B, H * W, C] -> [B, C, H, W], where `extent` is {H, W}.
Output to_image(const Output& tokens, const Output& extent);

}  // namespace accel::models
