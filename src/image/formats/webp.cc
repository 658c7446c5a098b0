// WebP by libwebp: a still image, or the first frame of an animation on its canvas.
#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <optional>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/numbers.h"
#include "image/orientation.h"

namespace accel::image {
namespace {

const uint8_t* octets(Bytes bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

Status failure(Bytes file, VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return ends_early(file, "the rest of the pixels");
    case VP8_STATUS_OUT_OF_MEMORY: return resource_exhausted("no memory for its pixels");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return unimplemented("a feature of the file is not supported; save it in another format");
    default:
      return data_loss(
          fmt::format("the file is damaged: libwebp's error {}", static_cast<int>(code)));
  }
}

Result<Image> decode_still(Bytes file, Image image) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return internal_error("libwebp is of another version");
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(image.row_bytes());
  config.output.u.RGBA.size = image.pixels.size();
  const VP8StatusCode code = WebPDecode(octets(file), file.size(), &config);
  if (code != VP8_STATUS_OK) return failure(file, code);
  return image;
}

Result<Image> decode_first_frame(Bytes file, Image image) {
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) {
    return internal_error("libwebpdemux is of another version");
  }
  options.color_mode = MODE_RGBA;
  const WebPData data{octets(file), file.size()};
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, &options), WebPAnimDecoderDelete);
  uint8_t* canvas = nullptr;
  int timestamp = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp) == 0) {
    return data_loss("the animation's first frame is damaged or truncated; fetch the file again");
  }
  for (size_t i = 0; i < image.pixels.size() / kChannels; ++i) {
    for (size_t c = 0; c < kChannels; ++c) image.pixels[kChannels * i + c] = canvas[4 * i + c];
  }
  return image;
}

// Walks the chunks of the container for the metadata.
int find_orientation(Bytes file) {
  constexpr size_t kHeaderBytes = 12;
  constexpr size_t kChunkHeaderBytes = 8;
  Bytes exif;
  Bytes xmp;
  size_t at = kHeaderBytes;
  while (file.size() >= at + kChunkHeaderBytes) {
    const size_t length = little<uint32_t>(file, at + 4);
    if (file.size() - at - kChunkHeaderBytes < length) break;
    const Bytes content = file.subspan(at + kChunkHeaderBytes, length);
    if (has_at(file, at, "EXIF") && exif.empty()) exif = content;
    if (has_at(file, at, "XMP ") && xmp.empty()) xmp = content;
    at += kChunkHeaderBytes + length + length % 2;
  }
  const std::optional<int> stated = exif_orientation(exif);
  return (stated ? stated : xmp_orientation(chars(xmp))).value_or(1);
}

}  // namespace

bool is_webp(Bytes file) { return has_at(file, 0, "RIFF") && has_at(file, 8, "WEBP"); }

Result<Decoded> decode_webp(Bytes file, const DecodeLimits& limits) {
  WebPBitstreamFeatures features;
  const VP8StatusCode code = WebPGetFeatures(octets(file), file.size(), &features);
  if (code != VP8_STATUS_OK) return failure(file, code);
  ACCEL_ASSIGN(const Size size, check_size(static_cast<uint64_t>(features.width),
                                           static_cast<uint64_t>(features.height), limits));
  ACCEL_ASSIGN(Image image, black_image(size));
  ACCEL_ASSIGN(image, features.has_animation != 0 ? decode_first_frame(file, std::move(image))
                                                  : decode_still(file, std::move(image)));
  return Decoded{std::move(image), find_orientation(file)};
}

}  // namespace accel::image
