#include <fmt/format.h>
// Its header defines callbacks for C files that nobody calls here.
#define OV_EXCLUDE_STATIC_CALLBACKS
#include <vorbis/vorbisfile.h>

#include <algorithm>

#include "audio/decoders/sample_source.h"
#include "base/try.h"

namespace accel::audio {
namespace {

class VorbisSource : public SampleSource {
 public:
  explicit VorbisSource(std::span<const std::byte> bytes) : reader_{.bytes = bytes} {}
  ~VorbisSource() override {
    if (opened_) ov_clear(&file_);
  }

  Status open() {
    ov_callbacks callbacks{};
    callbacks.read_func = [](void* to, size_t size, size_t count, void* user) -> size_t {
      if (size == 0) return 0;
      return static_cast<size_t>(reader_of(user).read(to, static_cast<int64_t>(size * count))) /
             size;
    };
    callbacks.seek_func = [](void* user, ogg_int64_t offset, int whence) -> int {
      reader_of(user).seek(offset, whence);
      return 0;
    };
    callbacks.tell_func = [](void* user) -> long {  // NOLINT: the type is libvorbisfile's
      return reader_of(user).at;
    };
    const int code = ov_open_callbacks(&reader_, &file_, nullptr, 0, callbacks);
    if (code != 0) {  // and it has cleared `file_`
      return data_loss(fmt::format("expected an Ogg file with Vorbis, found {}", reason(code)));
    }
    opened_ = true;
    const vorbis_info* info = ov_info(&file_, -1);
    if (info == nullptr || info->channels < 1) {
      return data_loss("expected an Ogg file with Vorbis, found one without a channel");
    }
    format_ = {.encoding = "Vorbis", .rate = info->rate, .channels = info->channels};
    if (const ogg_int64_t frames = ov_pcm_total(&file_, -1); frames >= 0) {
      format_.frames = static_cast<uint64_t>(frames);
    }
    return {};
  }

  Result<size_t> read(std::span<float> block) override {
    const auto channels = static_cast<size_t>(format_.channels);
    const size_t most = std::min<size_t>(block.size() / channels, 4096);
    float** planes = nullptr;
    int stream = 0;
    const long got = ov_read_float(&file_, &planes, static_cast<int>(most), &stream);  // NOLINT
    if (got < 0) {
      return data_loss(fmt::format("decoding stopped after {} frames: {}", read_,
                                   reason(static_cast<int>(got))));
    }
    const vorbis_info* info = ov_info(&file_, stream);
    if (got > 0 &&
        (info == nullptr || info->rate != format_.rate || info->channels != format_.channels)) {
      return data_loss(fmt::format(
          "expected one format throughout, found another after {} frames: these are several files "
          "in one",
          read_));
    }
    const auto frames = static_cast<size_t>(got);
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = 0; i < frames; ++i) block[i * channels + c] = planes[c][i];
    }
    read_ += frames;
    return frames;
  }

 private:
  static std::string_view reason(int code) {
    switch (code) {
      case OV_EREAD: return "an end before the headers are complete";
      case OV_ENOTVORBIS: return "no Vorbis";
      case OV_EVERSION: return "another version of Vorbis";
      case OV_EBADHEADER: return "a damaged header";
      case OV_EBADLINK: return "damaged data between the streams";
      case OV_HOLE: return "data that are missing or damaged";
      default: return "damaged data";
    }
  }

  ByteReader reader_;
  OggVorbis_File file_{};
  bool opened_ = false;
  uint64_t read_ = 0;
};

}  // namespace

OpenedSource open_vorbis(std::span<const std::byte> bytes) {
  auto source = std::make_unique<VorbisSource>(bytes);
  ACCEL_TRY(source->open());
  return OpenedSource(std::move(source));
}

}  // namespace accel::audio
