// The classes of extractors: one file each, and one line here.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "accel/status.h"
#include "audio/config_fields.h"
#include "audio/feature_extractor.h"

namespace accel::audio {

using MadeExtractor = Result<std::unique_ptr<const FeatureExtractor>>;

MadeExtractor make_ast(ConfigFields& fields);
MadeExtractor make_wav2vec2(ConfigFields& fields);
MadeExtractor make_whisper(ConfigFields& fields);

struct ExtractorKind {
  std::string_view name;
  MadeExtractor (*make)(ConfigFields&);
  // Whose folders need not name the class (transformers' FEATURE_EXTRACTOR_MAPPING_NAMES).
  std::array<std::string_view, 9> model_types;
};

// Sorted by name.
inline constexpr std::array<ExtractorKind, 3> kExtractorKinds{{
    {"ASTFeatureExtractor", make_ast, {"audio-spectrogram-transformer"}},
    {"Wav2Vec2FeatureExtractor",
     make_wav2vec2,
     {"data2vec-audio", "hubert", "sew", "sew-d", "unispeech", "unispeech-sat", "wav2vec2",
      "wav2vec2-conformer", "wavlm"}},
    {"WhisperFeatureExtractor", make_whisper, {"whisper"}},
}};

// "padding_side" is "left".
inline bool pads_left(ConfigFields& fields) {
  const std::string side = fields.text_or("padding_side", "right");
  if (side != "right" && side != "left") {
    fields.problem("padding_side: expected \"right\" or \"left\", found another text");
  }
  return side == "left";
}

}  // namespace accel::audio
