// From samples to what a speech model takes, as the `preprocessor_config.json` of its folder says.
//
//   ACCEL_ASSIGN(const auto extractor, make_feature_extractor(text));
//   ACCEL_ASSIGN(const auto decoded, decode_audio(bytes, {.rate = extractor->info().rate}));
//   ACCEL_ASSIGN(const NamedTensors inputs, extractor->extract(decoded.audio));
//
// The numbers are those of transformers' classes of the same names:
//
//   Wav2Vec2FeatureExtractor   input_values   [samples]      wav2vec 2.0, HuBERT, WavLM, UniSpeech,
//                                                            SEW, data2vec-audio
//   ASTFeatureExtractor        input_values   [frames, bins] Audio Spectrogram Transformer
//   WhisperFeatureExtractor    input_features [bins, frames] Whisper
//
// all f32, and where the config or the caller asks for it attention_mask, i32, 1 for sound and 0
// for padding, along time: [samples] or [frames]. Options of the config that change numbers are
// honoured, or refused by name; what the reference class ignores is ignored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "accel/status.h"
#include "accel/tensor.h"
#include "audio/audio.h"

namespace accel::audio {

struct FeatureInfo {
  std::string_view extractor;  // the class: "WhisperFeatureExtractor"
  std::string_view output;     // the tensor: "input_values" or "input_features"
  int64_t rate = 0;            // that sounds must have
  Shape shape;                 // of one clip; -1 where it follows the clip's length
  // Samples that a clip may have: what lies behind is not looked at, as in the reference. 0: all.
  int64_t samples_max = 0;
  bool attention_mask = false;  // made unless the caller decides otherwise
};

struct ExtractOptions {
  std::optional<bool> attention_mask;  // instead of FeatureInfo::attention_mask
};

// What one clip becomes.
struct ClipFeatures {
  Tensor values;  // of the shape info().shape
  // Along time: all, and where the clip's own sound begins and ends in it.
  int64_t length = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

// Immutable: any number of threads may call all members at the same time.
class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;
  FeatureExtractor(const FeatureExtractor&) = delete;
  FeatureExtractor& operator=(const FeatureExtractor&) = delete;

  const FeatureInfo& info() const { return info_; }

  // One clip, without a batch dimension. INVALID_ARGUMENT for another rate than info().rate, for
  // no samples, for fewer than the extractor needs and for samples beyond kSampleMax.
  Result<NamedTensors> extract(const Audio& clip, const ExtractOptions& options = {}) const;

  // Several clips, with the batch dimension first. Where the length follows the clip's, shorter
  // ones are filled up to the longest after their own features were made, so that a clip's numbers
  // do not depend on its company. (The reference class, called with several clips, normalizes the
  // filling too when there is no attention mask, and takes the wrong samples when it fills up on
  // the left; its pipelines do as is done here.) An error names
  // the clip, and there is no partial result; RESOURCE_EXHAUSTED for more than kValuesMax numbers.
  Result<NamedTensors> extract_batch(std::span<const Audio> clips,
                                     const ExtractOptions& options = {}) const;

  static constexpr int64_t kValuesMax = int64_t{1} << 28;

 protected:
  // What fills up a batch, and on which side of the sound.
  struct Padding {
    float value = 0;
    bool left = false;
  };
  FeatureExtractor(FeatureInfo info, Padding padding) : info_(std::move(info)), padding_(padding) {}

  const Padding& padding() const { return padding_; }

 private:
  // `samples` are at least one, at the right rate and checked.
  virtual Result<ClipFeatures> compute(std::span<const float> samples) const = 0;
  Result<ClipFeatures> features(const Audio& clip) const;

  FeatureInfo info_;
  Padding padding_;
};

// The extractor that the text of a preprocessor_config.json asks for; also of a
// processor_config.json, which holds the same under "feature_extractor". `model_type` (from
// config.json) decides where the text names no class. INVALID_ARGUMENT for text that is no such
// config or contradicts itself (all problems at once); UNIMPLEMENTED for other classes.
Result<std::unique_ptr<const FeatureExtractor>> make_feature_extractor(
    std::string_view preprocessor_config, std::string_view model_type = {});

}  // namespace accel::audio
