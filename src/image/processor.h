// ImageProcessor: what a vision model is given for an image, as the reference's image processors
// compute it with Pillow, bit for bit.
//
//   ACCEL_ASSIGN(const auto processor, ImageProcessor::create(preprocessor_config_json));
//   ACCEL_ASSIGN(const ProcessedImage image, processor.process(*decode(file)));
//   ACCEL_ASSIGN(const ProcessedBatch batch, processor.batch(std::array{image}));
//
// One difference: the reference takes an image of 1 or 3 rows for one whose channels come first,
// and computes nonsense or fails; here it is an image like others.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "accel/status.h"
#include "accel/tensor.h"
#include "image/image.h"
#include "image/processor_config.h"

namespace accel::image {

struct ProcessedImage {
  Tensor pixel_values;  // f32 [3, height, width], before any padding
  Size original;        // of the image as it came: what boxes and masks are scaled back to
  Size scaled;          // after scaling, before cropping
};

struct ProcessedBatch {
  Tensor pixel_values;               // f32 [N, 3, height, width]
  std::optional<Tensor> pixel_mask;  // i64 [N, height, width]: 1 on an image, 0 on padding
};

// A value; safe to use from several threads.
class ImageProcessor {
 public:
  // The errors of parse_processor_config.
  static Result<ImageProcessor> create(std::string_view text, std::string_view model_type = {});
  explicit ImageProcessor(const ProcessorConfig& config);

  const ProcessorConfig& config() const { return config_; }

  // INVALID_ARGUMENT for an image that cannot be scaled as the model wants; RESOURCE_EXHAUSTED
  // where that gives more than kProcessedPixelsMax pixels.
  Result<ProcessedImage> process(const Image& image) const;

  // Images one behind the other. Those of a processor that pads are padded with 0 at the right and
  // the bottom, to the largest of them or to pad_size; the others must be of one size.
  // INVALID_ARGUMENT for no images, sizes that differ, or images beyond pad_size;
  // RESOURCE_EXHAUSTED for more than kBatchPixelsMax pixels together.
  Result<ProcessedBatch> batch(std::span<const ProcessedImage> images) const;

  static constexpr uint64_t kProcessedPixelsMax = uint64_t{1} << 24;
  static constexpr uint64_t kBatchPixelsMax = uint64_t{1} << 28;

 private:
  // What a byte of each channel becomes.
  using Values = std::array<std::array<float, 256>, kChannels>;

  ProcessorConfig config_;
  std::shared_ptr<const Values> values_;
};

}  // namespace accel::image
