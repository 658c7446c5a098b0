#include <fmt/format.h>
#include <sndfile.h>

#include <limits>
#include <mutex>

#include "audio/decoders/sample_source.h"
#include "base/try.h"

namespace accel::audio {
namespace {

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

std::string encoding_name(int format) {
  SF_FORMAT_INFO named{};
  named.format = format & SF_FORMAT_SUBMASK;
  const int failed = sf_command(nullptr, SFC_GET_FORMAT_INFO, &named, sizeof(named));
  return failed == 0 && named.name != nullptr ? named.name : "";
}

// libsndfile finds the format by itself and knows more of them.
bool is_expected(int format, Container container) {
  switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64: return container == Container::kWav;
    case SF_FORMAT_FLAC: return container == Container::kFlac;
    case SF_FORMAT_OGG: return container == Container::kOgg;
    default: return false;
  }
}

class SndfileSource : public SampleSource {
 public:
  explicit SndfileSource(std::span<const std::byte> bytes) : reader_{.bytes = bytes} {}

  Status open(Container container) {
    SF_VIRTUAL_IO io{};
    io.get_filelen = [](void* user) -> sf_count_t { return reader_of(user).size(); };
    io.seek = [](sf_count_t offset, int whence, void* user) -> sf_count_t {
      return reader_of(user).seek(offset, whence);
    };
    io.read = [](void* to, sf_count_t count, void* user) -> sf_count_t {
      return reader_of(user).read(to, count);
    };
    io.tell = [](void* user) -> sf_count_t { return reader_of(user).at; };
    SF_INFO info{};
    {
      // Why an opening failed is kept by libsndfile in one place for all threads.
      static std::mutex opening;
      const std::lock_guard lock(opening);
      file_.reset(sf_open_virtual(&io, SFM_READ, &info, &reader_));
      if (file_ == nullptr) return opening_failed(container);
    }
    if (!is_expected(info.format, container)) {
      return unimplemented(
          fmt::format("expected a {} file, found another format inside (number {:#x} of "
                      "libsndfile); convert it first",
                      to_string(container), info.format));
    }
    format_ = {
        .encoding = encoding_name(info.format), .rate = info.samplerate, .channels = info.channels};
    // Of a stream it is not known.
    if (info.frames >= 0 && info.frames < std::numeric_limits<sf_count_t>::max()) {
      format_.frames = static_cast<uint64_t>(info.frames);
    }
    complete_ = container == Container::kFlac;
    return {};
  }

  Result<size_t> read(std::span<float> block) override {
    const auto frames = static_cast<sf_count_t>(block.size()) / format_.channels;
    const sf_count_t got = sf_readf_float(file_.get(), block.data(), frames);
    if (got > 0) {
      read_ += static_cast<uint64_t>(got);
      return static_cast<size_t>(got);
    }
    if (sf_error(file_.get()) != SF_ERR_NO_ERROR) {
      return data_loss(fmt::format("decoding stopped after {} frames; libsndfile says: {}", read_,
                                   sf_strerror(file_.get())));
    }
    if (complete_ && read_ < format_.frames.value_or(0)) {
      return data_loss(
          fmt::format("expected {} frames, as the FLAC file says, found {}: the file is truncated",
                      *format_.frames, read_));
    }
    return 0;
  }

 private:
  static Status opening_failed(Container container) {
    const int code = sf_error(nullptr);
    std::string text = fmt::format("expected a {} file that libsndfile can decode; it says: {}",
                                   to_string(container), sf_strerror(nullptr));
    const bool unknown = code == SF_ERR_UNSUPPORTED_ENCODING || code == SF_ERR_UNRECOGNISED_FORMAT;
    return unknown ? unimplemented(std::move(text)) : data_loss(std::move(text));
  }

  ByteReader reader_;
  std::unique_ptr<SNDFILE, Close> file_;
  uint64_t read_ = 0;
  bool complete_ = false;  // fewer frames than promised are damage
};

}  // namespace

OpenedSource open_sndfile(std::span<const std::byte> bytes, Container container) {
  auto source = std::make_unique<SndfileSource>(bytes);
  ACCEL_TRY(source->open(container));
  return OpenedSource(std::move(source));
}

}  // namespace accel::audio
