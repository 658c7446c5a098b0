// The switch in the environment that turns acceleration off: IPFS_ACCELERATE_ENABLED, by the name
// that ipfs_datasets_py gave it. Off, everything is computed on the local path: by the reference
// backend, without a daemon, a network or a configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accel::hardware {

inline constexpr const char* kSwitchVariable = "IPFS_ACCELERATE_ENABLED";

struct AccelerationSwitch {
  bool enabled = true;
  std::optional<std::string> value;  // of the variable; none: not set
  std::string remark;                // about a value that is no spelling of on or off

  // "IPFS_ACCELERATE_ENABLED=0"; only with a value.
  std::string assignment() const;
};

// 0, false, no, off and disabled are off; 1, true, yes, on, enabled, the empty text and a variable
// that is not set are on, all in any case and with spaces around them. Anything else is on, too,
// with a remark. Pure.
AccelerationSwitch parse_acceleration_switch(std::optional<std::string_view> value);

// Of this process's environment, now. Whoever changes the environment meanwhile on another thread
// has a data race, as with any getenv().
AccelerationSwitch read_acceleration_switch();

}  // namespace accel::hardware
