#include <fmt/format.h>
#include <mpg123.h>

#include "audio/decoders/sample_source.h"
#include "base/try.h"

namespace accel::audio {
namespace {

struct Free {
  void operator()(mpg123_handle* handle) const { mpg123_delete(handle); }
};

class MpegSource : public SampleSource {
 public:
  explicit MpegSource(std::span<const std::byte> bytes) : reader_{.bytes = bytes} {}

  Status open() {
    int error = MPG123_OK;
    handle_.reset(mpg123_new(nullptr, &error));
    if (handle_ == nullptr) {
      return internal_error(fmt::format("starting libmpg123: {}", mpg123_plain_strerror(error)));
    }
    mpg123_handle* handle = handle_.get();
    // Floats at the file's own rate, without the silence that the encoder put before and behind.
    ACCEL_TRY(check(mpg123_param(handle, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0)));
    ACCEL_TRY(check(mpg123_param(handle, MPG123_ADD_FLAGS,
                                 MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS, 0)));
    const auto read = [](void* user, void* to, size_t count) -> ssize_t {
      return reader_of(user).read(to, static_cast<int64_t>(count));
    };
    const auto seek = [](void* user, off_t offset, int whence) -> off_t {
      return reader_of(user).seek(offset, whence);
    };
    ACCEL_TRY(check(mpg123_replace_reader_handle(handle, read, seek, nullptr)));
    ACCEL_TRY(check(mpg123_open_handle(handle, &reader_)));
    ACCEL_TRY(read_format(format_));
    mpg123_frameinfo info{};
    ACCEL_TRY(check(mpg123_info(handle, &info)));
    format_.encoding =
        fmt::format("MPEG layer {}", std::string(static_cast<size_t>(info.layer), 'I'));
    return {};
  }

  Result<size_t> read(std::span<float> block) override {
    while (true) {
      size_t bytes = 0;
      const int code = mpg123_read(handle_.get(), block.data(), block.size_bytes(), &bytes);
      const size_t frames = bytes / sizeof(float) / static_cast<size_t>(format_.channels);
      read_ += frames;
      if (code == MPG123_NEW_FORMAT) ACCEL_TRY(check_unchanged());
      if (frames > 0 || code == MPG123_DONE) return frames;
      if (code == MPG123_OK || code == MPG123_NEW_FORMAT) continue;
      return data_loss(fmt::format("decoding stopped after {} frames; libmpg123 says: {}", read_,
                                   mpg123_strerror(handle_.get())));
    }
  }

 private:
  Status check(int code) const {
    if (code == MPG123_OK) return {};
    return data_loss(fmt::format("expected an MP3 file that libmpg123 can decode; it says: {}",
                                 mpg123_strerror(handle_.get())));
  }

  Status check_unchanged() const {
    SourceFormat now;
    ACCEL_TRY(read_format(now));
    if (now.rate == format_.rate && now.channels == format_.channels) return {};
    return data_loss(fmt::format(
        "expected one format throughout, found {} Hz with {} channels and after {} frames {} Hz "
        "with {}: these are several files in one",
        format_.rate, format_.channels, read_, now.rate, now.channels));
  }

  Status read_format(SourceFormat& format) const {
    long rate = 0;  // NOLINT: the type is libmpg123's
    int channels = 0;
    int encoding = 0;
    ACCEL_TRY(check(mpg123_getformat(handle_.get(), &rate, &channels, &encoding)));
    if (encoding != MPG123_ENC_FLOAT_32 || channels < 1) {
      return internal_error(
          fmt::format("expected samples in f32, found libmpg123's encoding {:#x} of {} channels",
                      encoding, channels));
    }
    format.rate = rate;
    format.channels = channels;
    return {};
  }

  ByteReader reader_;
  std::unique_ptr<mpg123_handle, Free> handle_;
  uint64_t read_ = 0;
};

}  // namespace

OpenedSource open_mpeg(std::span<const std::byte> bytes) {
  auto source = std::make_unique<MpegSource>(bytes);
  ACCEL_TRY(source->open());
  return OpenedSource(std::move(source));
}

}  // namespace accel::audio
