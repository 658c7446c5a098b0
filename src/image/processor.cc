#include "image/processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "image/resample.h"
#include "image/target_size.h"

namespace accel::image {
namespace {

Size size_of(const Tensor& pixel_values) {
  const Shape& shape = pixel_values.shape();
  return {static_cast<int>(shape[2]), static_cast<int>(shape[1])};
}

// A place for an image on the pixels that the model gets; what lies around it is black.
struct Placement {
  Window window;  // of the scaled image
  int left = 0;   // where it comes to lie
  int top = 0;
};

// One direction of a crop around the centre. Python's division rounds down.
struct Cut {
  int begin = 0;
  int count = 0;
  int at = 0;
};
Cut center_cut(int side, int crop) {
  const int difference = side - crop;
  const int begin = difference >= 0 ? difference / 2 : -((1 - difference) / 2);
  return {std::max(begin, 0), std::min(side, crop), std::max(-begin, 0)};
}

Placement center(Size scaled, Size crop) {
  const Cut across = center_cut(scaled.width, crop.width);
  const Cut down = center_cut(scaled.height, crop.height);
  return {{across.begin, down.begin, {across.count, down.count}}, across.at, down.at};
}

std::optional<Size> crop_of(const ProcessorConfig& config, Size scaled) {
  if (config.kind != ProcessorKind::kConvnext || !config.resize) return config.crop;
  const Size square{config.size.shortest, config.size.shortest};
  return scaled == square ? std::optional<Size>() : square;
}

Status check_pixels(Size size) {
  if (size.pixels() <= ImageProcessor::kProcessedPixelsMax) return {};
  return resource_exhausted(
      fmt::format("the image would be scaled to {}x{} pixels: expected at most {} in all",
                  size.width, size.height, ImageProcessor::kProcessedPixelsMax));
}

float* floats(Tensor& tensor) { return reinterpret_cast<float*>(tensor.mutable_data()); }

}  // namespace

Result<ImageProcessor> ImageProcessor::create(std::string_view text, std::string_view model_type) {
  ACCEL_ASSIGN(const ProcessorConfig config, parse_processor_config(text, model_type));
  return ImageProcessor(config);
}

// The factor is applied in f64, the rest in f32, as numpy does it for the reference.
ImageProcessor::ImageProcessor(const ProcessorConfig& config) : config_(config) {
  auto values = std::make_shared<Values>();
  for (size_t c = 0; c < kChannels; ++c) {
    for (size_t byte = 0; byte < values->front().size(); ++byte) {
      auto value = static_cast<float>(byte);
      if (config.factor) value = static_cast<float>(static_cast<double>(byte) * *config.factor);
      if (config.normalization) {
        value = (value - static_cast<float>(config.normalization->mean[c])) /
                static_cast<float>(config.normalization->std[c]);
      }
      (*values)[c][byte] = value;
    }
  }
  values_ = std::move(values);
}

Result<ProcessedImage> ImageProcessor::process(const Image& image) const {
  if (image.size.pixels() == 0) return invalid_argument("expected an image, found no pixels");
  ProcessedImage result{.original = image.size, .scaled = image.size};
  if (config_.resize) {
    ACCEL_ASSIGN(result.scaled, target_size(config_, image.size));
  }
  const std::optional<Size> crop = crop_of(config_, result.scaled);
  const Size size = crop.value_or(result.scaled);
  ACCEL_TRY(check_pixels(size));
  const Placement placement = center(result.scaled, size);
  ACCEL_ASSIGN(const Image scaled, resample(image, {.size = result.scaled,
                                                    .filter = config_.filter,
                                                    .window = placement.window}));

  result.pixel_values = Tensor::allocate(DType::kF32, {kChannels, size.height, size.width});
  const auto plane = static_cast<size_t>(size.pixels());
  const auto stride = static_cast<size_t>(size.width);
  for (size_t c = 0; c < kChannels; ++c) {
    const std::array<float, 256>& values = (*values_)[c];
    float* const channel = floats(result.pixel_values) + c * plane;
    if (scaled.size != size) std::fill_n(channel, plane, values[0]);
    for (int y = 0; y < scaled.size.height; ++y) {
      const uint8_t* from = scaled.row(y).data() + c;
      float* to = channel + static_cast<size_t>(placement.top + y) * stride + placement.left;
      for (int x = 0; x < scaled.size.width; ++x, from += kChannels) to[x] = values[*from];
    }
  }
  return result;
}

Result<ProcessedBatch> ImageProcessor::batch(std::span<const ProcessedImage> images) const {
  const auto is_processed = [](const ProcessedImage& image) {
    return image.pixel_values.shape().size() == 3 && image.pixel_values.dtype() == DType::kF32;
  };
  if (images.empty() || !std::ranges::all_of(images, is_processed)) {
    return invalid_argument("expected at least one processed image, f32 [3, height, width]");
  }
  Size size;
  for (const ProcessedImage& image : images) {
    const Size own = size_of(image.pixel_values);
    size = {std::max(size.width, own.width), std::max(size.height, own.height)};
  }
  if (config_.pad_to) size = *config_.pad_to;
  for (const ProcessedImage& image : images) {
    const Size own = size_of(image.pixel_values);
    const bool fits = own.width <= size.width && own.height <= size.height;
    if (config_.pad ? fits : own == size) continue;
    return invalid_argument(
        config_.pad ? fmt::format("pad_size: an image of {}x{} pixels does not fit {}x{}",
                                  own.width, own.height, size.width, size.height)
                    : fmt::format("expected images of one size in a batch, found {}x{} and {}x{} "
                                  "pixels: process them one by one",
                                  own.width, own.height, size.width, size.height));
  }
  const auto count = static_cast<int64_t>(images.size());
  if (size.pixels() > kBatchPixelsMax / images.size()) {
    return resource_exhausted(fmt::format("expected at most {} pixels in a batch, found {} times "
                                          "{}x{}: use smaller batches",
                                          kBatchPixelsMax, count, size.width, size.height));
  }

  ProcessedBatch batch;
  batch.pixel_values = Tensor::allocate(DType::kF32, {count, kChannels, size.height, size.width});
  if (config_.pixel_mask) {
    batch.pixel_mask = Tensor::allocate(DType::kI64, {count, size.height, size.width});
  }
  float* to = floats(batch.pixel_values);
  int64_t* mask = nullptr;
  if (batch.pixel_mask) mask = reinterpret_cast<int64_t*>(batch.pixel_mask->mutable_data());
  const auto stride = static_cast<size_t>(size.width);
  for (const ProcessedImage& image : images) {
    const Size own = size_of(image.pixel_values);
    const float* from = image.pixel_values.data<float>().data();
    for (int c = 0; c < kChannels; ++c, to += size.pixels()) {
      for (int y = 0; y < own.height; ++y, from += own.width) {
        std::copy_n(from, own.width, to + static_cast<size_t>(y) * stride);
      }
    }
    if (mask == nullptr) continue;
    for (int y = 0; y < own.height; ++y) {
      std::fill_n(mask + static_cast<size_t>(y) * stride, own.width, 1);
    }
    mask += size.pixels();
  }
  return batch;
}

}  // namespace accel::image
