#include "audio/library_versions.h"

#include <fmt/format.h>
#include <mpg123.h>
#include <sndfile.h>
#include <soxr.h>

#include <string_view>

namespace accel::audio {
namespace {

// "libsndfile-1.2.0" -> "1.2.0"
std::string_view behind_dash(std::string_view text) { return text.substr(text.find('-') + 1); }

}  // namespace

std::string library_versions() {
  return fmt::format("libsndfile {}, soxr {}, mpg123 {}", behind_dash(sf_version_string()),
                     behind_dash(soxr_version()), MPG123_API_VERSION);
}

}  // namespace accel::audio
