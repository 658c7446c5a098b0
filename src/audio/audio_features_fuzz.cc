// Arbitrary text as a preprocessor_config.json: refused, or an extractor that makes of a short
// sound what it says, all of it finite.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audio/feature_extractor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // More is done just the same, but slower than a fuzzer wants.
  constexpr int64_t kValuesMost = 1 << 16;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto made = accel::audio::make_feature_extractor(text, "whisper");
  if (!made.ok()) return 0;
  const accel::audio::FeatureInfo& info = (*made)->info();
  accel::audio::Audio clip{.rate = info.rate};
  for (int i = 0; i < 700; ++i) clip.samples.push_back(static_cast<float>(i % 37) / 37 - 0.5F);
  accel::Shape shape = info.shape;
  if (shape[0] == -1) shape[0] = 700;
  if (*accel::element_count(shape) > kValuesMost || info.samples_max > kValuesMost) return 0;
  const auto tensors = (*made)->extract(clip, {.attention_mask = true});
  if (!tensors.ok()) return 0;
  const accel::Tensor& values = tensors->front().tensor;
  if (values.shape() != shape || tensors->size() != 2) std::abort();
  for (const float value : values.data<float>()) {
    if (!std::isfinite(value)) std::abort();
  }
  return 0;
}
