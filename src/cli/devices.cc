// accel devices: what hardware there is, and what each device was proved to run.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/machine_text.h"
#include "cli/model_flags.h"
#include "cli/table.h"
#include "cli/wire.h"

namespace accel::cli {
namespace {

std::string precisions_text(const std::vector<Precision>& precisions) {
  std::string text;
  for (const Precision precision : precisions) {
    text += (text.empty() ? "" : " ") + std::string(to_string(precision));
  }
  return text;
}

std::string units_text(const DeviceReport& device) {
  if (device.units == 0) return "-";
  return fmt::format("{} {}{}", device.units, device.kind == "cpu" ? "core" : "unit",
                     device.units == 1 ? "" : "s");
}

std::string readable(const std::vector<DeviceReport>& found, const Machine& machine,
                     const Result<MachineSpeed>& speed,
                     const std::vector<BackendReport>& backends) {
  Table devices;
  devices.add({"backend", "device", "name", "kind", "size", "runs", "driver"});
  for (const DeviceReport& device : found) {
    devices.add({device.backend, device.name, device.full_name,
                 device.simulated ? device.kind + ", SIMULATED" : device.kind, units_text(device),
                 precisions_text(device.precisions), device.driver});
  }
  return fmt::format("devices\n{}\nmachine\n{}\nother hardware\n{}{}", devices.text(2),
                     machine_text(machine, speed), accelerators_text(machine),
                     unavailable_text(backends));
}

OrderedJson devices_json(const std::vector<DeviceReport>& found) {
  auto list = OrderedJson::array();
  for (const DeviceReport& device : found) {
    auto precisions = OrderedJson::array();
    for (const Precision precision : device.precisions) precisions.push_back(to_string(precision));
    list.push_back({{"backend", device.backend},
                    {"name", device.name},
                    {"full_name", device.full_name},
                    {"kind", device.kind},
                    {"architecture", device.architecture},
                    {"units", device.units},
                    {"driver", device.driver},
                    {"simulated", device.simulated},
                    {"precisions", precisions}});
  }
  return list;
}

}  // namespace

Status run_devices(const Command& command, const Arguments& arguments) {
  bool json = false;
  bool measure = false;
  std::string simulated;
  Flags flags(command);
  flags.flag("--measure", &measure,
             "measure again how fast the processor and its memory are, about a second; without it "
             "that is done once and remembered");
  declare_simulate_device(flags, &simulated);
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine(simulated));
  const Measuring measuring = engine->simulates() ? Measuring::kNever : Measuring::kOnce;
  const Result<MachineSpeed> speed = engine->machine_speed(measure ? Measuring::kAgain : measuring);
  if (measure && !speed.ok()) return speed.status();
  const std::vector<BackendReport> backends = examine_backends(*engine);
  const std::vector<DeviceReport> devices = engine->devices();
  const Machine machine = look_at_machine();
  if (!json) return print(readable(devices, machine, speed, backends));
  OrderedJson out{{"devices", devices_json(devices)}};
  add_machine(out, machine, speed);
  out["backends"] = backends_json(backends);
  return print(json_text(out));
}

}  // namespace accel::cli
