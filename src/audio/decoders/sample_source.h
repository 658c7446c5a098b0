// The decoders: whose sound comes out of a file's bytes, block by block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "accel/status.h"
#include "audio/container.h"

namespace accel::audio {

struct SourceFormat {
  std::string encoding;  // "Signed 16 bit PCM", "Vorbis" ...
  int64_t rate = 0;      // as the file says: not checked
  int64_t channels = 0;  // at least 1
  // Frames that the file says it has; none: it does not say.
  std::optional<uint64_t> frames;
};

// One owner, one thread.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  const SourceFormat& format() const { return format_; }

  // Fills `block` (whole frames, interleaved) from its start and says how many frames there were;
  // 0 at the end. DATA_LOSS where the file is damaged.
  virtual Result<size_t> read(std::span<float> block) = 0;

 protected:
  SampleSource() = default;
  SourceFormat format_;
};

using OpenedSource = Result<std::unique_ptr<SampleSource>>;

// WAV, FLAC, and Ogg with Opus or FLAC, by libsndfile. `bytes` must outlive the source, here and
// below.
OpenedSource open_sndfile(std::span<const std::byte> bytes, Container container);

// MPEG audio by libmpg123, and Ogg with Vorbis by libvorbisfile. libsndfile would do it with the
// same libraries; but it lets the one write to standard error about every damaged file, and of the
// other it leaks memory for every damaged file (1.2.0).
OpenedSource open_mpeg(std::span<const std::byte> bytes);
OpenedSource open_vorbis(std::span<const std::byte> bytes);

// Where reading stands in the bytes, for the callbacks of the libraries.
struct ByteReader {
  std::span<const std::byte> bytes;
  int64_t at = 0;

  int64_t size() const { return static_cast<int64_t>(bytes.size()); }
  // As lseek, but before the beginning is the beginning, and beyond the end is the end.
  int64_t seek(int64_t offset, int whence);
  int64_t read(void* to, int64_t count);
};

// Of a callback's `user`.
inline ByteReader& reader_of(void* user) { return *static_cast<ByteReader*>(user); }

}  // namespace accel::audio
