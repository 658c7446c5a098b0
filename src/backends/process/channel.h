// Messages between accel and a worker process: bytes, each message with at most one open file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "accel/status.h"
#include "backends/process/descriptor.h"
#include "base/stopwatch.h"

namespace accel::backend {

enum class Arrival : uint8_t {
  kMessage,
  kClosed,    // the other side is gone, or sends what no message is
  kLate,      // nothing came in time
  kNonsense,  // something came that its reader does not understand
};

struct Received {
  Arrival arrival = Arrival::kClosed;
  std::string bytes;
  Descriptor file;
};

using Until = std::optional<Clock::time_point>;  // nothing: waits for ever

// One end of a connection. One thread at a time sends, one receives.
class Channel {
 public:
  Channel() = default;  // of which nothing comes
  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}

  // Two ends; children that are started meanwhile do not get them.
  static Result<std::pair<Channel, Descriptor>> create();

  // False when the other side is gone. The file is sent along, and stays open here.
  bool send(std::string_view bytes, int file = -1);
  Received receive(Until until);

 private:
  Descriptor socket_;
};

}  // namespace accel::backend
