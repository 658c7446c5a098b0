// The libraries that decode and resample sounds in this process.
#pragma once

#include <string>

namespace accel::audio {

// "libsndfile 1.2.0, soxr 0.1.3, mpg123 47": of mpg123 the number of its interface, for it tells no
// other.
std::string library_versions();

}  // namespace accel::audio
