// accel status: is acceleration on, what computes, and what of eight kinds of hardware is here.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "accel/hardware.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/machine_text.h"
#include "cli/table.h"
#include "cli/wire.h"

namespace accel::cli {
namespace {

std::string hardware_text(const std::vector<HardwareReport>& reports) {
  Table table;
  table.add({"type", "hardware", "here", "accel runs on it", "because"});
  for (const HardwareReport& one : reports) {
    table.add({std::string(to_string(one.type)), one.title,
               one.ready   ? "yes"
               : one.found ? "not ready"
                           : "no",
               one.available ? "yes, by " + one.backend : "no", one.reason});
  }
  return table.text(2);
}

}  // namespace

Status run_status(const Command& command, const Arguments& arguments) {
  std::string type_name;
  bool json = false;
  Flags flags(command);
  flags.optional_argument("TYPE", &type_name,
                          "only this kind of hardware: cpu, cuda, rocm, openvino, mps, webnn, "
                          "webgpu or qualcomm; ends with UNAVAILABLE when nothing runs on it");
  flags.flag("--json", &json, "for programs");
  flags.example("accel status");
  flags.example("accel status cuda");
  flags.example("IPFS_ACCELERATE_ENABLED=0 accel status");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  Status verdict;
  ACCEL_ASSIGN(const auto engine, make_engine());
  AccelerateStatus status = get_accelerate_status(*engine);
  if (!type_name.empty()) {
    ACCEL_ASSIGN(const HardwareType type, parse_hardware_type(type_name));
    std::erase_if(status.hardware, [type](const HardwareReport& one) { return one.type != type; });
    const HardwareReport& one = status.hardware.at(0);
    if (!one.available) {
      verdict = unavailable(fmt::format("{}: {}", to_string(type), printable(one.reason)));
    }
  }
  ACCEL_TRY(print(json ? json_text(acceleration_json(status))
                       : "acceleration\n" + acceleration_text(status) + "\nhardware\n" +
                             hardware_text(status.hardware)));
  return verdict;
}

}  // namespace accel::cli
