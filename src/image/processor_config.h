// preprocessor_config.json: how a model wants its images, as plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "image/image.h"
#include "image/resample.h"

namespace accel::image {

// The reference's image processors, by the class without "ImageProcessor" or "FeatureExtractor".
enum class ProcessorKind : uint8_t {
  kBeit,
  kBit,  // DINOv2
  kClip,
  kConvnext,  // ResNet too
  kDeit,
  kDetr,
  kSegformer,
  kSiglip,
  kVit,  // Swin too
  kYolos,
};

// How large an image becomes.
struct SizeRule {
  enum class Form : uint8_t {
    kExact,               // `exact`
    kShortestEdge,        // the shorter side becomes `shortest`, the longer one follows
    kShortestAndLongest,  // the same, but the longer side becomes `longest` at most
    kLargestInside,       // as large as fits into `exact`
  };
  Form form = Form::kExact;
  Size exact;
  int shortest = 0;
  int longest = 0;
};

struct ProcessorConfig {
  ProcessorKind kind = ProcessorKind::kVit;
  bool resize = true;
  SizeRule size;
  Filter filter = Filter::kBilinear;
  double crop_share = 1.0;  // ConvNeXt's crop_pct: below 384 the image is scaled larger and cropped
  std::optional<Size> crop;      // around the centre; what the image lacks is black
  std::optional<double> factor;  // what values are multiplied with first: 1/255
  struct Normalization {
    std::array<double, kChannels> mean{};
    std::array<double, kChannels> std{};
  };
  std::optional<Normalization> normalization;  // then minus the mean, over the deviation
  bool pad = false;                            // to the size of the largest image of a batch
  std::optional<Size> pad_to;                  // instead of that
  bool pixel_mask = false;                     // whether the reference gives one with the padding
};

inline constexpr int kProcessedSideMax = 16'384;  // of every size that a config states

// Reads the text of a preprocessor_config.json, or of a processor_config.json with an object
// "image_processor". The processor is named by image_processor_type, or the older
// feature_extractor_type, with or without "Fast"; where neither stands, by `model_type`, which is
// that of config.json.
//
// Defaults are those of the reference's class; null counts as absent. Keys that the class does not
// read are passed over, as there, but for those that would change pixels elsewhere (do_pad,
// do_flip_channel_order ...), which are UNIMPLEMENTED when on. INVALID_ARGUMENT for values that
// make no sense, UNIMPLEMENTED for other processors. All name the key.
Result<ProcessorConfig> parse_processor_config(std::string_view text,
                                               std::string_view model_type = {});

}  // namespace accel::image
