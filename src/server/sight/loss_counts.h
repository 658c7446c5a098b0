// What became of what was handed in to be written, sent or read again, since the beginning.
#pragma once

#include <cstdint>

namespace accel::server {

struct LogCounts {
  uint64_t written = 0;  // lines
  uint64_t dropped = 0;  // because too much waited
  uint64_t failed = 0;   // because the file could not be written
};

// Of the models' configuration, while it is served.
struct ReloadCounts {
  uint64_t taken = 0;    // what it asks for is served, also where nothing had changed
  uint64_t refused = 0;  // an error left everything as it was
};

struct SpanCounts {
  uint64_t exported = 0;
  uint64_t dropped = 0;  // because too much waited
  uint64_t failed = 0;   // because the collector did not take them
};

}  // namespace accel::server
