// The backends of this build: which there are, what they say of themselves, and their devices.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "backend/backend.h"
#include "hardware/cpu.h"
#include "store/facts.h"

namespace accel::engine {

using BackendPtr = std::shared_ptr<const backend::Backend>;

// Safe from any thread.
class KnownBackends {
 public:
  struct Parts {
    std::map<std::string, BackendPtr> backends;
    bool probe = true;  // EngineOptions::probe
    std::vector<std::string> simulated_devices;
    hardware::CpuInfo processor;
    store::Facts* facts = nullptr;  // of what was probed; outlives this
  };
  explicit KnownBackends(Parts parts) : parts_(std::move(parts)) {}

  // NOT_FOUND with those there are, or UNAVAILABLE for one that no build has yet.
  Result<BackendPtr> find(const std::string& name) const;
  // Whether an engine works on this processor, where that is asked (crash_probe.h).
  Status probe(const std::string& name) const;

  std::vector<BackendReport> reports() const;
  // Of all, with those that are simulated.
  std::vector<DeviceReport> devices() const;
  // The real ones of one of them.
  std::vector<DeviceReport> devices_of(const backend::Backend& backend) const;

 private:
  backend::Info examine(const backend::Backend& backend) const;

  const Parts parts_;
};

}  // namespace accel::engine
