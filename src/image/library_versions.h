// The libraries that decode images in this process.
#pragma once

#include <string>

namespace accel::image {

// "libjpeg-turbo 2.1.5, libpng 1.6.39, libwebp 1.2.4".
std::string library_versions();

}  // namespace accel::image
