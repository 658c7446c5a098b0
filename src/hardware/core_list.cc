#include "hardware/core_list.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>

namespace accel::hardware {
namespace {

bool read_core(std::string_view text, int& core) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), core);
  return error == std::errc() && end == text.data() + text.size() && core >= 0 &&
         core < CPU_SETSIZE;
}

}  // namespace

std::vector<int> parse_core_list(std::string_view text) {
  std::vector<int> cores;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    int first = 0;
    if (!read_core(part.substr(0, dash), first)) return {};
    int last = first;
    if (dash != std::string_view::npos && !read_core(part.substr(dash + 1), last)) return {};
    if (last < first) return {};
    for (int core = first; core <= last; ++core) {
      if (std::ranges::find(cores, core) != cores.end()) return {};
      cores.push_back(core);
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::ranges::sort(cores);
  return cores;
}

std::string core_list_text(std::span<const int> cores) {
  std::string text;
  for (size_t i = 0; i < cores.size();) {
    size_t last = i;
    while (last + 1 < cores.size() && cores[last + 1] == cores[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cores[i]);
    if (last > i) text += fmt::format("-{}", cores[last]);
    i = last + 1;
  }
  return text;
}

std::vector<int> allowed_cores() {
  std::vector<int> cores;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

Status check_cores(std::span<const int> cores, std::span<const int> allowed) {
  std::vector<int> others;
  for (const int core : cores) {
    if (std::ranges::find(allowed, core) == allowed.end()) others.push_back(core);
  }
  if (others.empty()) return {};
  return not_found(fmt::format("logical CPU {} is not there or not allowed to this process; it has "
                               "{}",
                               core_list_text(others), core_list_text(allowed)));
}

}  // namespace accel::hardware
