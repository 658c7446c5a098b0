#include <algorithm>
#include <cstdio>
#include <cstring>

#include "audio/decoders/sample_source.h"

namespace accel::audio {

int64_t ByteReader::seek(int64_t offset, int whence) {
  const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at : size();
  at = std::clamp<int64_t>(from + std::clamp(offset, -size(), size()), 0, size());
  return at;
}

int64_t ByteReader::read(void* to, int64_t count) {
  const int64_t taken = std::clamp<int64_t>(count, 0, size() - at);
  if (taken > 0) std::memcpy(to, bytes.data() + at, static_cast<size_t>(taken));
  at += taken;
  return taken;
}

}  // namespace accel::audio
