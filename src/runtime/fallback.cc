#include "runtime/fallback.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace accel::runtime {
namespace {

constexpr std::string_view kAuto = "AUTO";
constexpr std::string_view kReference = "reference";
constexpr std::string_view kPlain = "pytorch";

// What a device's name stands for. Of several GPUs the engine calls the first GPU.0.
std::vector<std::string> devices_of(std::string_view device) {
  if (device == kAuto) return {"GPU", "GPU.0", "CPU"};
  if (!device.starts_with("AUTO:")) return {std::string(device)};
  std::vector<std::string> devices;
  device.remove_prefix(kAuto.size() + 1);
  while (!device.empty()) {
    const std::string_view one = device.substr(0, device.find(','));
    if (!one.empty()) devices.emplace_back(one);
    device.remove_prefix(std::min(one.size() + 1, device.size()));
  }
  if (devices.empty()) devices.emplace_back("CPU");
  return devices;
}

// Whether another device or backend may do what this one could not.
bool lies_with_candidate(const Candidate& candidate, StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kUnimplemented:
    case StatusCode::kInternal:
    case StatusCode::kUnknown: return true;
    // Of a device that is not there, or whose own memory is full. The CPU is, and its memory is
    // that of all others.
    case StatusCode::kNotFound:
    case StatusCode::kResourceExhausted: return candidate.device != "CPU";
    default: return false;
  }
}

}  // namespace

std::vector<Candidate> load_candidates(const Candidate& request, bool fallback) {
  std::vector<Candidate> candidates;
  const auto add = [&](Candidate candidate) {
    const bool there = std::ranges::any_of(candidates, [&](const Candidate& known) {
      return known.backend == candidate.backend && known.device == candidate.device &&
             known.precision == candidate.precision;
    });
    if (!there) candidates.push_back(std::move(candidate));
  };
  for (const std::string& device : devices_of(request.device)) {
    // Who lists devices wants to know that the first did not serve; who says AUTO leaves it open.
    const bool asked = candidates.empty() || request.device == kAuto;
    add({request.backend, device, request.precision, asked});
  }
  const bool plain = request.backend == kPlain;
  if (fallback && !plain) {
    add({request.backend, "CPU", request.precision, false});
    if (request.precision != Precision::kAuto) {
      add({request.backend, "CPU", Precision::kF32, false});
    }
  }
  if (fallback || plain) add({std::string(kReference), "CPU", Precision::kAuto, false});
  return candidates;
}

std::optional<size_t> next_candidate(std::span<const Candidate> candidates, size_t failed,
                                     const Status& error) {
  if (!lies_with_candidate(candidates[failed], error.code())) return std::nullopt;
  const size_t next = failed + 1;
  return next < candidates.size() ? std::optional(next) : std::nullopt;
}

std::string describe(const Candidate& candidate) {
  std::string place = candidate.backend + " on " + candidate.device;
  if (candidate.precision == Precision::kAuto) return place;
  return fmt::format("{} in {}", place, to_string(candidate.precision));
}

}  // namespace accel::runtime
