#include "audio/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audio/fixtures.h"
#include "base/files.h"

namespace accel::audio {
namespace {

using testing::HasSubstr;

TEST(Container, IsRecognisedByItsContent) {
  const auto kind = [](std::string_view name) {
    return *recognise_container(as_bytes(fixture(std::string("formats/").append(name))));
  };
  EXPECT_EQ(kind("s16_mono_16k.wav"), Container::kWav);
  EXPECT_EQ(kind("s16_mono_16k.rf64"), Container::kWav);
  EXPECT_EQ(kind("f32_surround_48k.wav"), Container::kWav);
  EXPECT_EQ(kind("s24_mono_16k.flac"), Container::kFlac);
  EXPECT_EQ(kind("vorbis_mono_11k.ogg"), Container::kVorbis);
  EXPECT_EQ(kind("opus_mono_48k.ogg"), Container::kOgg);
  EXPECT_EQ(kind("mono_16k.mp3"), Container::kMp3);
  EXPECT_EQ(kind("tagged.mp3"), Container::kMp3);
}

// row 304 (partial: not through a command)
TEST(Container, NamesWhatHasNoDecoder) {
  using namespace std::string_view_literals;
  for (const auto& [bytes, name] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"\0\0\0\x20"
            "ftypM4A "sv,
            "found MP4 or M4A (AAC) for which accel has no decoder"},
           {"\x1A\x45\xDF\xA3\x01"sv, "WebM"},
           {"#!AMR\n"sv, "AMR"},
           {"\xFF\xF1\x50\x80"sv, "found AAC"},
           {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x50Speex   1.2"sv,
            "Ogg with Speex"},
           {"OggS\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x2A\x80theora"sv, "something else"},
           {"OggS\0\2"sv, "something else"},
           {"FORM\0\0\0\0AIFF"sv, "AIFF"}}) {
    const Status status = recognise_container(as_bytes(bytes)).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << name;
    EXPECT_THAT(status.message(), HasSubstr(name));
    EXPECT_THAT(status.message(), HasSubstr("convert it first"));
  }
}

TEST(Container, RefusesWhatIsNoSound) {
  const auto refused = [](std::string_view bytes, std::string_view message) {
    const Status status = recognise_container(as_bytes(bytes)).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bytes;
    EXPECT_THAT(status.message(), HasSubstr(message));
  };
  refused("", "found no bytes");
  refused("{\"a\": 1}", "starts with the bytes 7b 22 61 22 3a 20 31 7d");
  refused("RIFF", "52 49 46 46");
  refused("RIFF....AVI ", "none of them");
  refused("\xFF\xFB", "ff fb");         // too short for a frame's header
  refused("\xFF\xEB\x90", "ff eb 90");  // a reserved version
  refused("\xFF\xFB\xFC", "ff fb fc");  // a reserved rate
}

// libsndfile would pass over the damaged first page, take the Vorbis behind it and lose memory.
TEST(Container, OpusInFrontOfVorbisIsDamage) {
  const auto file = read_file(
      std::string(ACCEL_TEST_DATA) + "/fuzz/audio_decode_fuzz/opus_then_vorbis.ogg", 4096);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(recognise_container(std::as_bytes(std::span(*file))).status().code(),
            StatusCode::kDataLoss);
}

}  // namespace
}  // namespace accel::audio
