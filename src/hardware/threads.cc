#include "hardware/threads.h"

#include <pthread.h>

#include <algorithm>

namespace accel::hardware {

void name_this_thread(std::string_view name) {
  constexpr size_t kMaxBytes = 15;
  size_t size = std::min(name.size(), kMaxBytes);
  if (size < name.size()) {
    while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  }
  // Fails only for a name that is too long.
  (void)::pthread_setname_np(::pthread_self(), std::string(name.substr(0, size)).c_str());
}

std::string this_thread_name() {
  char name[16] = {};
  if (::pthread_getname_np(::pthread_self(), name, sizeof name) != 0) return {};
  return name;
}

}  // namespace accel::hardware
