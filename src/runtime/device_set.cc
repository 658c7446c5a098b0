#include "runtime/device_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/try.h"
#include "hardware/core_list.h"

namespace accel::runtime {
namespace {

constexpr int kPartThreadsMax = 1024;
constexpr double kWeightMax = 1e6;
constexpr size_t kMembersMax = 64;

// Accelerators before the processor; a neural processor last, for it takes few graphs.
constexpr std::array<std::string_view, 3> kAutoOrder{"GPU", "CPU", "NPU"};

Status malformed(std::string_view part, std::string_view expected) {
  return invalid_argument(fmt::format("device '{}': expected {}", part, expected));
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

template <class Number>
bool parse_whole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "GPU.1", "CPU/2", "CPU[0-1]", with weights also "CPU/2(1.5)".
Result<DeviceMember> parse_member(std::string_view text, bool weighted) {
  const std::string_view whole = text;
  DeviceMember member;
  if (const size_t open = text.find('('); open != std::string_view::npos) {
    if (!weighted) return malformed(whole, "no weight: only MULTI has weights");
    const std::string_view number = text.substr(open + 1);
    const bool good =
        number.ends_with(')') && parse_whole(number.substr(0, number.size() - 1), member.weight) &&
        std::isfinite(member.weight) && member.weight > 0 && member.weight <= kWeightMax;
    if (!good) return malformed(whole, "a weight above 0, as in GPU(1.5)");
    text = text.substr(0, open);
  }
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    const bool good = text.substr(0, slash) == "CPU" &&
                      parse_whole(text.substr(slash + 1), member.threads) && member.threads > 0 &&
                      member.threads <= kPartThreadsMax;
    if (!good) return malformed(whole, "a part of the CPU as its number of threads, as in CPU/2");
    text = text.substr(0, slash);
  }
  if (const size_t open = text.find('['); open != std::string_view::npos) {
    if (text.substr(0, open) == "CPU" && text.ends_with(']') && member.threads == 0) {
      member.cores = hardware::parse_core_list(text.substr(open + 1, text.size() - open - 2));
    }
    if (member.cores.empty()) {
      return malformed(whole, "logical CPUs, each once, as in CPU[0-1] or CPU[0,2]");
    }
    member.threads = static_cast<int>(member.cores.size());
    text = text.substr(0, open);
  }
  if (!is_name(text)) return malformed(whole, "a device's name, as in CPU or GPU.1");
  member.name = text;
  return member;
}

// Where the first member of `list` ends: at a comma that is not between brackets.
size_t member_end(std::string_view list) {
  bool inside = false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '[') inside = true;
    if (list[i] == ']') inside = false;
    if (list[i] == ',' && !inside) return i;
  }
  return std::string_view::npos;
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t comma = member_end(list);
    parts.push_back(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

bool is_kind(std::string_view name, std::string_view kind) {
  return name == kind || (name.starts_with(kind) && name.substr(kind.size()).starts_with('.'));
}

bool is_there(std::string_view name, std::span<const std::string> present) {
  return std::ranges::any_of(present, [&](const std::string& one) { return is_kind(one, name); });
}

// In the order in which AUTO prefers them.
std::vector<DeviceMember> all_of(std::span<const std::string> present) {
  std::vector<DeviceMember> members;
  for (const std::string& name : present) members.push_back({.name = name});
  const auto rank = [](const DeviceMember& member) {
    const auto at = std::ranges::find_if(
        kAutoOrder, [&](std::string_view kind) { return is_kind(member.name, kind); });
    return at - kAutoOrder.begin();
  };
  std::ranges::stable_sort(members, {}, rank);
  return members;
}

}  // namespace

std::string to_text(const DeviceMember& member) {
  std::string text = member.name;
  if (!member.cores.empty()) {
    text += fmt::format("[{}]", hardware::core_list_text(member.cores));
  } else if (member.threads > 0) {
    text += fmt::format("/{}", member.threads);
  }
  if (member.weight > 0) text += fmt::format("({})", member.weight);
  return text;
}

Result<DeviceSet> parse_devices(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view mode = text.substr(0, colon);
  DeviceSet set;
  if (mode == "AUTO") {
    set.mode = DeviceMode::kAuto;
  } else if (mode == "MULTI") {
    set.mode = DeviceMode::kMulti;
  } else if (mode == "HETERO") {
    set.mode = DeviceMode::kHetero;
  } else if (colon != std::string_view::npos) {
    return malformed(text, "AUTO:, MULTI: or HETERO: and devices, as in MULTI:GPU(1.5),CPU(1.0)");
  } else {
    ACCEL_ASSIGN(DeviceMember member, parse_member(text, false));
    set.members.push_back(std::move(member));
    return set;
  }
  if (colon == std::string_view::npos) return set;
  for (const std::string_view part : split(text.substr(colon + 1))) {
    if (set.mode == DeviceMode::kAuto && part.starts_with('-')) {
      if (!is_name(part.substr(1))) return malformed(part, "what to leave out, as in AUTO:-GPU");
      set.excluded.emplace_back(part.substr(1));
      continue;
    }
    ACCEL_ASSIGN(DeviceMember member, parse_member(part, set.mode == DeviceMode::kMulti));
    if (set.mode == DeviceMode::kHetero && !member.cores.empty()) {
      return malformed(part, "whole devices in HETERO, which is one process: CPU");
    }
    set.members.push_back(std::move(member));
  }
  if (set.members.size() > kMembersMax) return malformed(text, "at most 64 devices");
  return set;
}

Result<ResolvedDevices> resolve_devices(const DeviceSet& wanted,
                                        std::span<const std::string> present) {
  ResolvedDevices found{.mode = wanted.mode};
  if (wanted.mode == DeviceMode::kSingle) {
    found.members = wanted.members;
    return found;
  }
  for (const DeviceMember& member : wanted.members.empty() ? all_of(present) : wanted.members) {
    const bool left_out = std::ranges::any_of(
        wanted.excluded, [&](const std::string& kind) { return is_kind(member.name, kind); });
    if (left_out) continue;
    if (is_there(member.name, present)) {
      found.members.push_back(member);
    } else {
      found.dropped.push_back(member.name);
    }
  }
  if (found.members.empty()) {
    return not_found(
        fmt::format("none of the devices asked for is on this machine; it has: {}",
                    present.empty() ? "none" : fmt::format("{}", fmt::join(present, ", "))));
  }
  if (found.members.size() == 1) {
    found.mode = DeviceMode::kSingle;
    found.members.front().weight = 0;
  }
  const bool weighted = std::ranges::any_of(
      found.members, [](const DeviceMember& member) { return member.weight > 0; });
  for (DeviceMember& member : found.members) {
    if (weighted && member.weight == 0) member.weight = 1;
  }
  return found;
}

}  // namespace accel::runtime
