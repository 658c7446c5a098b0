// Sound files to samples: WAV, FLAC, Ogg (Vorbis, Opus, FLAC) and MP3, by the formats' own
// libraries.
//
//   ACCEL_ASSIGN(const DecodedAudio decoded, decode_audio(bytes, {.rate = 16'000}));
//   use(decoded.audio.samples);
//
// Several channels become one by their mean, as librosa and datasets do it (ffmpeg, which the
// reference's pipelines call for files, weighs the channels of surround sound instead; for mono and
// stereo it is the same). Integer samples are divided by their full scale, and nothing is clipped.
//
// Files are read in blocks that are mixed and resampled at once, so that beside the bytes only the
// result is held. A header is not believed: memory grows with what was decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "accel/status.h"
#include "audio/audio.h"
#include "audio/container.h"

namespace accel::audio {

struct DecodeOptions {
  // Samples per second of the result; 0 keeps the file's.
  int64_t rate = 0;
  // A longer sound is RESOURCE_EXHAUSTED. An hour at 16 kHz takes 230 MB. Whatever the limit, at
  // most kValuesMax numbers (channels times frames) are decoded.
  double seconds_max = 3600;
};
inline constexpr uint64_t kValuesMax = uint64_t{1} << 31;  // an hour of 8 channels at 48 kHz

// What the file held.
struct SoundFormat {
  Container container = Container::kWav;
  std::string encoding;  // "Signed 16 bit PCM", "Vorbis", "MPEG layer III" ...
  int64_t rate = 0;
  int64_t channels = 0;
  uint64_t frames = 0;  // decoded samples per channel
};

struct DecodedAudio {
  Audio audio;
  SoundFormat format;
};

// Decodes a whole file. May be called from several threads. INVALID_ARGUMENT for what is no sound
// file, has no sample, a sample that is no number, or an impossible rate; UNIMPLEMENTED for formats
// and encodings without a decoder (named); DATA_LOSS for one that is damaged, or a FLAC file that
// ends early; RESOURCE_EXHAUSTED beyond the limits.
//
// A WAV file whose header promises more than it holds gives what it holds: programs that write to
// a pipe cannot correct the header.
Result<DecodedAudio> decode_audio(std::span<const std::byte> bytes,
                                  const DecodeOptions& options = {});

// The same for samples in memory: `interleaved` holds frames of `channels` numbers, full scale from
// -1 to 1. Equals decode_audio() of a float WAV file of them.
Result<Audio> audio_from_samples(std::span<const float> interleaved, int64_t channels, int64_t rate,
                                 const DecodeOptions& options = {});

}  // namespace accel::audio
