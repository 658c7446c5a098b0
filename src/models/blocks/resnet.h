// ResNet (He et al., arXiv:1512.03385): the family of that name, and the backbone of detectors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/weights.h"

namespace accel::models {

// The analyzer loses the fields on their way through Result.
struct ResNet {            // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t channels = 3;    // of the pixels
  int64_t embedding = 64;  // channels of the stem
  std::vector<int64_t> widths{256, 512, 1024, 2048};  // channels of each stage
  std::vector<int64_t> depths{3, 4, 6, 3};            // layers of each stage
  bool bottleneck = true;                             // layers of three convolutions, else of two
  std::string activation = "relu";
  bool downsample_in_first_stage = false;
  bool downsample_in_bottleneck = false;  // in a layer's first convolution, else in its second
  bool dilated_last_stage = false;        // in place of its stride
  bool timm_names = false;                // the names of weights of the library timm
};

// The fields of a config.json whose model_type is "resnet"; problems go to `in`.
ResNet read_resnet(ConfigReader& in);

// The stem's image and then each stage's, of pixels [B, channels, H, W]: [B, embedding, H / 4,
// W / 4], [B, widths[0], H / 4, W / 4], [B, widths[1], H / 8, W / 8] ..., sizes rounded up. The
// names of weights begin with `prefix`.
Result<std::vector<Output>> resnet(Weights& weights, const std::string& prefix,
                                   const ResNet& config, const Output& pixels);

}  // namespace accel::models
