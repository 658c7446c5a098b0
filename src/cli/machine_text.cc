#include "cli/machine_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/table.h"

namespace accel::cli {
namespace {

using nlohmann::ordered_json;

std::string cores_text(const hardware::CpuInfo& cpu) {
  std::string text = fmt::format("{} cores, {} threads, {} socket{}, {} NUMA node{}", cpu.cores,
                                 cpu.logical, cpu.sockets, cpu.sockets == 1 ? "" : "s",
                                 cpu.numa_nodes, cpu.numa_nodes == 1 ? "" : "s");
  for (const hardware::CoreKind& kind : cpu.kinds) {
    text += fmt::format(", {} {}", kind.logical, kind.name);
  }
  return text;
}

void add_speed_rows(Table& table, const Result<MachineSpeed>& speed) {
  if (!speed.ok()) {
    table.add({"speed", speed.status().message()});
    return;
  }
  table.add({"dense layers", dense_speed_text(*speed)});
  table.add({"reading memory",
             fmt::format("{:.1f} GB/s on {} threads", speed->memory_gb_per_s, speed->threads)});
  table.add({"measured",
             speed->measured_at + (speed->remembered ? ""
                                                     : ", not remembered: the cache folder cannot "
                                                       "be written")});
}

ordered_json speed_json(const Result<MachineSpeed>& speed) {
  if (!speed.ok()) return nullptr;
  return {{"kernels", speed->kernels},
          {"threads", speed->threads},
          {"gflops_one", speed->gflops_one},
          {"gflops_all", speed->gflops_all},
          {"memory_gb_per_s", speed->memory_gb_per_s},
          {"measured_at", speed->measured_at},
          {"remembered", speed->remembered}};
}

}  // namespace

Machine look_at_machine() {
  return {.cpu = hardware::read_cpu(),
          .limits = hardware::read_cpu_limits(),
          .memory = hardware::read_memory_limits(),
          .accelerators = hardware::find_accelerators()};
}

std::string dense_speed_text(const MachineSpeed& speed) {
  if (speed.kernels.empty()) return "not measured: accel has no kernels for this processor";
  return fmt::format("{:.1f} GFLOP/s on one core, {:.1f} on {} threads (f32, {})", speed.gflops_one,
                     speed.gflops_all, speed.threads, speed.kernels);
}

std::string machine_text(const Machine& machine, const Result<MachineSpeed>& speed) {
  const hardware::CpuLimits& limits = machine.limits;
  const hardware::MemoryLimits& memory = machine.memory;
  Table table;
  table.add({"processor", machine.cpu.model_name + ", " + machine.cpu.architecture});
  table.add({"instructions", fmt::format("{}", fmt::join(machine.cpu.features, " "))});
  table.add({"cores", cores_text(machine.cpu)});
  table.add({"affinity", fmt::format("{} threads", limits.affinity)});
  table.add({"quota", limits.quota_cores ? fmt::format("{:.2f} cores, by {}", *limits.quota_cores,
                                                       limits.quota_source)
                                         : "none"});
  table.add({"threads to use", std::to_string(limits.usable)});
  table.add({"memory", fmt::format("{}, {} available", human_bytes(memory.total_bytes),
                                   human_bytes(memory.available_bytes))});
  table.add({"memory limit", memory.cgroup_limit_bytes
                                 ? fmt::format("{}, by {}", human_bytes(*memory.cgroup_limit_bytes),
                                               memory.limit_source)
                                 : "none"});
  add_speed_rows(table, speed);
  return table.text(2);
}

std::string accelerators_text(const Machine& machine) {
  Table table;
  for (const hardware::Accelerator& one : machine.accelerators) {
    table.add({one.title, one.ready ? "ready" : one.found ? "not ready" : "no", one.reason});
  }
  return table.text(2);
}

void add_machine(ordered_json& out, const Machine& machine, const Result<MachineSpeed>& speed) {
  const hardware::CpuInfo& cpu = machine.cpu;
  out["cpu"] = {{"model_name", cpu.model_name},
                {"architecture", cpu.architecture},
                {"vendor", cpu.vendor},
                {"features", cpu.features},
                {"sockets", cpu.sockets},
                {"cores", cpu.cores},
                {"logical", cpu.logical},
                {"numa_nodes", cpu.numa_nodes},
                {"affinity", machine.limits.affinity},
                {"quota_cores", nullptr},
                {"usable_threads", machine.limits.usable}};
  if (machine.limits.quota_cores) out["cpu"]["quota_cores"] = *machine.limits.quota_cores;
  out["memory"] = {{"total_bytes", machine.memory.total_bytes},
                   {"available_bytes", machine.memory.available_bytes},
                   {"limit_bytes", nullptr}};
  if (machine.memory.cgroup_limit_bytes) {
    out["memory"]["limit_bytes"] = *machine.memory.cgroup_limit_bytes;
  }
  out["speed"] = speed_json(speed);
  out["accelerators"] = ordered_json::array();
  for (const hardware::Accelerator& one : machine.accelerators) {
    out["accelerators"].push_back({{"kind", one.kind},
                                   {"title", one.title},
                                   {"found", one.found},
                                   {"ready", one.ready},
                                   {"reason", one.reason},
                                   {"devices", one.devices},
                                   {"driver", one.driver}});
  }
}

std::string acceleration_text(const AccelerateStatus& status) {
  Table table;
  table.add({"available", status.available ? "yes" : "no: " + status.error});
  table.add({"switch", status.effect});
  table.add({"environment",
             status.env_var + (status.env_value ? "=" + *status.env_value : " is not set")});
  table.add({"runs on", status.backend.empty() ? "-" : status.backend + " " + status.device});
  table.add({"proved to compute", fmt::format("{}", fmt::join(status.backends, ", "))});
  return table.text(2);
}

ordered_json acceleration_json(const AccelerateStatus& status) {
  ordered_json out{{"available", status.available},
                   {"enabled", status.enabled},
                   {"error", nullptr},
                   {"env_disabled", status.env_disabled},
                   {"env_var", status.env_var},
                   {"env_value", nullptr},
                   {"effect", status.effect},
                   {"backend", status.backend},
                   {"device", status.device},
                   {"backends", status.backends},
                   {"hardware", ordered_json::array()}};
  if (!status.error.empty()) out["error"] = status.error;
  if (status.env_value) out["env_value"] = *status.env_value;
  for (const HardwareReport& one : status.hardware) {
    out["hardware"].push_back({{"type", to_string(one.type)},
                               {"title", one.title},
                               {"found", one.found},
                               {"ready", one.ready},
                               {"available", one.available},
                               {"reason", one.reason},
                               {"backend", one.backend},
                               {"device", one.device}});
  }
  return out;
}

}  // namespace accel::cli
