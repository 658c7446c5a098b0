#include "engine/chosen_setting.h"

namespace accel::engine {

ChosenSetting chosen_setting(const LoadOptions& options, const runtime::Candidate& candidate,
                             const std::optional<Tuning>& tuning, int threads_usable) {
  const bool latency = options.hint == Hint::kLatency;
  const RunSetting measured =
      !tuning ? RunSetting() : (latency ? tuning->latency : tuning->throughput);
  ChosenSetting chosen{.precision = candidate.precision, .precision_source = "requested"};
  if (candidate.precision == Precision::kAuto) {
    // The reference computes in f32 alone: there is nothing to measure.
    const bool open = candidate.backend == "openvino";
    chosen.precision = open && tuning ? measured.precision : Precision::kF32;
    if (open) chosen.precision_source = tuning ? "measured" : "unmeasured";
  }
  // What was found in one precision says nothing of another.
  const bool fits = tuning && chosen.precision == measured.precision;
  chosen.threads = options.threads > 0 ? options.threads : threads_usable;
  if (options.streams > 0) {
    chosen.streams = options.streams;
    chosen.streams_source = "requested";
  } else if (fits && chosen.threads == measured.threads) {
    chosen.streams = measured.streams;
    chosen.streams_source = "measured";
  } else {
    chosen.streams = latency ? 1 : chosen.threads;
    chosen.streams_source = latency ? "hint" : "default";
  }
  if (tuning && tuning->sizes.contains(chosen.precision)) {
    chosen.sizes = tuning->sizes.at(chosen.precision);
  }
  if (options.batch_tokens > 0) chosen.sizes.max_tokens = options.batch_tokens;
  if (options.batch_rows > 0) chosen.sizes.max_rows = options.batch_rows;
  return chosen;
}

}  // namespace accel::engine
