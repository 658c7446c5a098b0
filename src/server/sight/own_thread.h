// What the threads of this folder begin with.
#pragma once

#include <pthread.h>

#include <csignal>

namespace accel::server {

// `name` has at most 15 bytes. Where a reader has gone, writes of the calling thread fail instead
// of raising SIGPIPE.
inline void begin_own_thread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace accel::server
