// accel devices: what hardware there is, and what each device was proved to run.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hardware/accelerators.h"
#include "hardware/cpu.h"
#include "hardware/limits.h"

namespace accel::cli {
namespace {

std::string precisions_text(const std::vector<Precision>& precisions) {
  std::string text;
  for (const Precision precision : precisions) {
    text += (text.empty() ? "" : " ") + std::string(to_string(precision));
  }
  return text;
}

struct Hardware {
  std::vector<BackendReport> backends;
  std::vector<DeviceReport> devices;
  std::vector<hardware::Accelerator> accelerators;
  hardware::CpuInfo cpu;
  hardware::CpuLimits limits;
};

std::string readable(const Hardware& found) {
  Table devices;
  devices.add({"backend", "device", "name", "kind", "runs"});
  for (const DeviceReport& device : found.devices) {
    devices.add({device.backend, device.name, device.full_name, device.kind,
                 precisions_text(device.precisions)});
  }
  Table others;
  for (const hardware::Accelerator& one : found.accelerators) {
    others.add({one.title, one.ready ? "ready" : one.found ? "not ready" : "no", one.reason});
  }
  return fmt::format(
      "devices\n{}\nprocessor\n  {}, {}: {} cores, {} threads, of which this process may use {}\n"
      "\nother hardware\n{}{}",
      devices.text(2), printable(found.cpu.model_name), found.cpu.architecture, found.cpu.cores,
      found.cpu.logical, found.limits.usable, others.text(2), unavailable_text(found.backends));
}

OrderedJson as_json(const Hardware& found) {
  OrderedJson out{{"devices", OrderedJson::array()}};
  for (const DeviceReport& device : found.devices) {
    auto precisions = OrderedJson::array();
    for (const Precision precision : device.precisions) precisions.push_back(to_string(precision));
    out["devices"].push_back({{"backend", device.backend},
                              {"name", device.name},
                              {"full_name", device.full_name},
                              {"kind", device.kind},
                              {"precisions", precisions}});
  }
  out["cpu"] = {{"model_name", found.cpu.model_name}, {"architecture", found.cpu.architecture},
                {"vendor", found.cpu.vendor},         {"cores", found.cpu.cores},
                {"logical", found.cpu.logical},       {"usable_threads", found.limits.usable}};
  out["accelerators"] = OrderedJson::array();
  for (const hardware::Accelerator& one : found.accelerators) {
    out["accelerators"].push_back({{"kind", one.kind},
                                   {"title", one.title},
                                   {"found", one.found},
                                   {"ready", one.ready},
                                   {"reason", one.reason},
                                   {"devices", one.devices},
                                   {"driver", one.driver}});
  }
  out["backends"] = backends_json(found.backends);
  return out;
}

}  // namespace

Status run_devices(const Command& command, const Arguments& arguments) {
  bool json = false;
  Flags flags(command.name, command.summary);
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  const Hardware found{.backends = examine_backends(*engine),  // probes; devices come after it
                       .devices = engine->devices(),
                       .accelerators = hardware::find_accelerators(),
                       .cpu = hardware::read_cpu(),
                       .limits = hardware::read_cpu_limits()};
  return print(json ? json_text(as_json(found)) : readable(found));
}

}  // namespace accel::cli
