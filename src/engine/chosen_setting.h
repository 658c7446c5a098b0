// How a model runs where the options leave it open. Pure.
#pragma once

#include <optional>
#include <string>

#include "accel/engine.h"
#include "engine/tuning.h"
#include "runtime/fallback.h"

namespace accel::engine {

struct ChosenSetting {
  Precision precision = Precision::kF32;
  std::string precision_source;  // as RunReport's
  int streams = 1;
  int threads = 1;
  std::string streams_source;  // as RunReport's
  BatchSizes sizes;            // none where nothing was measured
};

// What is asked for holds; the rest is as `tuning` found it for the hint, if it did, else f32 and
// as many streams as threads, or one for latency. `threads_usable`: what the process may use.
ChosenSetting chosen_setting(const LoadOptions& options, const runtime::Candidate& candidate,
                             const std::optional<Tuning>& tuning, int threads_usable);

}  // namespace accel::engine
