// What systemd and a service tell each other, as sd_notify(3) and sd_listen_fds(3) say, without its
// library.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "cli/served_models.h"

namespace accel::cli {

// The value of an environment variable, or null.
using EnvironmentVariable = std::function<const char*(const char* name)>;

// A socket that was opened for this process.
struct GivenSocket {
  int fd = -1;
  std::string name;  // FileDescriptorName= of the unit; else that of the unit

  bool operator==(const GivenSocket&) const = default;
};

// Of $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES; none where they are for another process.
// INVALID_ARGUMENT for what systemd does not write. Pure.
Result<std::vector<GivenSocket>> given_sockets(const EnvironmentVariable& variable, pid_t self);

// Where the socket listens that is called `name`, the first where it is empty. NOT_FOUND;
// INVALID_ARGUMENT for one that is no TCP or UNIX socket.
Result<ListenAddress> address_of(const std::vector<GivenSocket>& sockets, std::string_view name);

// Tells the manager of services, where there is one, how this one does. Safe from any thread.
class ServiceNotifier {
 public:
  // Of $NOTIFY_SOCKET, a path or "@" and an abstract name; and of $WATCHDOG_USEC, $WATCHDOG_PID.
  ServiceNotifier(const EnvironmentVariable& variable, pid_t self);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  // What cannot be delivered is dropped: the service goes on without.
  void ready(std::string_view status) const;
  void reloading() const;  // until ready()
  void stopping() const;
  void status(std::string_view text) const;
  void alive() const;  // where the watchdog wants it

  // So often alive() is to be called at least, which is half of what the watchdog waits; 0: it need
  // not.
  double alive_seconds() const { return alive_seconds_; }

 private:
  void send(std::string_view lines) const;

  std::string address_;  // of sockaddr_un::sun_path; an abstract one begins with a zero
  int fd_ = -1;
  double alive_seconds_ = 0;
};

}  // namespace accel::cli
