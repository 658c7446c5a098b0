#include "audio/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace accel::audio {
namespace {

constexpr std::string_view kVorbisHead = "\x01vorbis";
constexpr std::string_view kAccepted = "WAV, FLAC, Ogg (Vorbis, Opus, FLAC) and MP3";

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool has(std::string_view file, size_t at, std::string_view magic) {
  return file.size() >= at && file.substr(at).starts_with(magic);
}

// What sound comes in that has no decoder here. The magics are those of the formats' own pages.
struct Foreign {
  size_t at;
  std::string_view magic;
  std::string_view name;
};
using namespace std::string_view_literals;
constexpr std::array<Foreign, 12> kForeign{{
    {4, "ftyp"sv, "MP4 or M4A (AAC)"sv},
    {0, "\x1A\x45\xDF\xA3"sv, "WebM or Matroska"sv},
    {0, "#!AMR"sv, "AMR"sv},
    {0, "\x30\x26\xB2\x75"sv, "WMA (ASF)"sv},
    {0, "MAC "sv, "Monkey's Audio"sv},
    {0, "wvpk"sv, "WavPack"sv},
    {0, "caff"sv, "CAF"sv},
    {0, "FORM"sv, "AIFF"sv},
    {0, ".snd"sv, "AU"sv},
    {0, "riff"sv, "Wave64"sv},
    {0, "MThd"sv, "MIDI, which holds notes and no sound,"sv},
    {0, "ADIF"sv, "AAC"sv},
}};

// An MPEG audio frame's header (ISO 11172-3, 2.4.1.3): sync, version, layer, bit rate, rate. The
// layer 0 is AAC's.
std::optional<bool> mpeg_frame_is_audio(std::string_view file) {
  if (file.size() < 3) return std::nullopt;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(file[i]); };
  if (byte(0) != 0xFF || (byte(1) & 0xE0) != 0xE0) return std::nullopt;
  if ((byte(1) & 0xF6) == 0xF0) return false;
  const bool reserved = (byte(1) & 0x18) == 0x08 || (byte(1) & 0x06) == 0 ||
                        (byte(2) & 0xF0) == 0xF0 || (byte(2) & 0x0C) == 0x0C;
  return reserved ? std::nullopt : std::optional(true);
}

// The file without the ID3v2 tags before it (id3.org, section 3.1: the size in 4 bytes of 7 bits).
std::string_view behind_tags(std::string_view file) {
  while (has(file, 0, "ID3") && file.size() >= 10) {
    size_t size = 10;
    for (size_t i = 0; i < 4; ++i) {
      size += static_cast<size_t>(file[6 + i] & 0x7F) << (21 - 7 * i);
    }
    file.remove_prefix(std::min(size, file.size()));
  }
  return file;
}

Status no_decoder(std::string_view name) {
  return unimplemented(
      fmt::format("expected {}, found {} for which accel has no decoder; convert it first, e.g. "
                  "ffmpeg -i INPUT output.flac",
                  kAccepted, name));
}

// The first packet begins with the name of the codec (RFC 3533, section 6: a page has a header of
// 27 bytes and as many more as it says in the last of them). libsndfile would take all others for
// Vorbis.
Result<Container> ogg_codec(std::string_view file) {
  const size_t header = file.size() < 27 ? file.size() : 27 + static_cast<uint8_t>(file[26]);
  const std::string_view packet = file.substr(std::min(header, file.size()));
  if (has(packet, 0, kVorbisHead)) return Container::kVorbis;
  constexpr std::string_view kFlac = "\x7F"
                                     "FLAC";
  if (has(packet, 0, "OpusHead") || has(packet, 0, kFlac)) {
    // libsndfile passes over a first page that is damaged, and it loses memory on Vorbis that is.
    if (file.find(kVorbisHead) == std::string_view::npos) return Container::kOgg;
    return data_loss("expected an Ogg file of one stream, found Vorbis beside another codec");
  }
  if (has(packet, 0, "Speex   ")) return no_decoder("Ogg with Speex");
  return no_decoder("Ogg with something else");
}

std::string first_bytes(std::string_view file) {
  std::string shown;
  for (const char byte : file.substr(0, 8)) {
    shown += fmt::format("{}{:02x}", shown.empty() ? "" : " ", static_cast<uint8_t>(byte));
  }
  return shown;
}

}  // namespace

std::string_view to_string(Container container) {
  switch (container) {
    case Container::kWav: return "WAV";
    case Container::kFlac: return "FLAC";
    case Container::kOgg:
    case Container::kVorbis: return "Ogg";
    default: return "MP3";
  }
}

Result<Container> recognise_container(std::span<const std::byte> bytes) {
  const std::string_view file = chars(bytes);
  if (file.empty()) {
    return invalid_argument(fmt::format("expected a file of {}, found no bytes", kAccepted));
  }
  for (const std::string_view magic : {"RIFF", "RIFX", "RF64"}) {
    if (has(file, 0, magic) && has(file, 8, "WAVE")) return Container::kWav;
  }
  if (has(file, 0, "OggS")) return ogg_codec(file);
  const std::string_view content = behind_tags(file);
  if (has(content, 0, "fLaC")) return Container::kFlac;
  if (has(file, 0, "ID3")) return Container::kMp3;  // libmpg123 looks for the first frame
  if (const std::optional<bool> audio = mpeg_frame_is_audio(file)) {
    if (*audio) return Container::kMp3;
    return no_decoder("AAC");
  }
  for (const Foreign& foreign : kForeign) {
    if (has(file, foreign.at, foreign.magic)) return no_decoder(foreign.name);
  }
  return invalid_argument(fmt::format(
      "expected a file of {}, found one that starts with the bytes {}, which is none of them",
      kAccepted, first_bytes(file)));
}

}  // namespace accel::audio
