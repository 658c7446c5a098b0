// Names for threads, as debuggers, top and perf show them.
#pragma once

#include <string>
#include <string_view>

namespace accel::hardware {

// Names the calling thread; at most 15 bytes are kept (the kernel's limit), cut between characters.
void name_this_thread(std::string_view name);

// The calling thread's name.
std::string this_thread_name();

}  // namespace accel::hardware
