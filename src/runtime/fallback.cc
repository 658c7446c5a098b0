#include "runtime/fallback.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace accel::runtime {
namespace {

constexpr std::string_view kReference = "reference";
constexpr std::string_view kPlain = "pytorch";

}  // namespace

std::vector<Candidate> load_candidates(const Candidate& request,
                                       std::span<const std::string> devices, bool fallback) {
  std::vector<Candidate> candidates;
  const auto add = [&](Candidate candidate) {
    const bool there = std::ranges::any_of(candidates, [&](const Candidate& known) {
      return known.backend == candidate.backend && known.device == candidate.device &&
             known.precision == candidate.precision;
    });
    if (!there) candidates.push_back(std::move(candidate));
  };
  for (const std::string& device : devices) {
    add({request.backend, device, request.precision, true});
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

void Attempts::failed(const Candidate& candidate, const Status& error) {
  if (candidate.asked || error_.ok()) {
    asked_ = describe(candidate);
    error_ = error;
  } else {
    others_ += fmt::format("; {}: {}", describe(candidate), error.message());
  }
}

std::string Attempts::reason(const Candidate& next) const {
  return fmt::format("{} instead of {}: {}{}", describe(next), asked_, error_.message(), others_);
}

Status Attempts::error() const {
  if (others_.empty()) return error_;
  return Status(error_.code(), error_.message() + "; no fallback helped" + others_);
}

}  // namespace accel::runtime
