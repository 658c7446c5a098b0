// What a file of sound is, by its first bytes: the name of a file says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "accel/status.h"

namespace accel::audio {

enum class Container : uint8_t {
  kWav,     // RIFF, RIFX and RF64, with PCM, float, A-law, mu-law or ADPCM
  kFlac,    // also behind an ID3 tag
  kOgg,     // with Opus or FLAC
  kVorbis,  // Ogg with Vorbis
  kMp3,     // MPEG audio, layers I to III, also behind an ID3 tag
};

std::string_view to_string(Container container);  // "WAV"

// Pure. UNIMPLEMENTED names what is known and has no decoder here (MP4 with AAC, WebM, AMR ...);
// INVALID_ARGUMENT is for what no format begins with, and for no bytes at all.
Result<Container> recognise_container(std::span<const std::byte> bytes);

}  // namespace accel::audio
