// Whatever the text, it is refused or makes a processor that turns images of odd sizes into tensors
// of the size that it states, or says why not.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "image/processor.h"

using accel::image::ImageProcessor;
using accel::image::Size;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto processor = ImageProcessor::create(text, "vit");
  if (!processor.ok()) return 0;
  // Larger results only cost time.
  accel::image::ProcessorConfig config = processor->config();
  for (Size* large : {&config.size.exact, config.crop ? &*config.crop : &config.size.exact,
                      config.pad_to ? &*config.pad_to : &config.size.exact}) {
    *large = {large->width % 200, large->height % 200};
  }
  config.size.shortest %= 200;
  config.size.longest %= 200;
  const ImageProcessor small(config);
  for (const Size odd : {Size{1, 1}, Size{1, 40}, Size{7, 3}, Size{33, 32}}) {
    const auto image = small.process(*accel::image::black_image(odd));
    if (!image.ok()) continue;
    if (image->original != odd || image->pixel_values.shape().size() != 3) std::abort();
    const auto batch = small.batch(std::array{*image, *image});
    if (batch.ok() && batch->pixel_values.count() < 2 * image->pixel_values.count()) std::abort();
  }
  return 0;
}
