// Triangular filters on the mel scale, in the three forms that the references use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace accel::audio {

enum class MelScale : uint8_t {
  kSlaney,  // linear to 1 kHz, then logarithmic: librosa's default, Whisper
  kKaldi,   // 1127 ln(1 + f / 700): AST
};

struct MelOptions {
  size_t filters = 80;
  double hz_min = 0;
  double hz_max = 8000;
  size_t bins = 201;       // of the spectrum
  double hz_per_bin = 40;  // rate / frame size
  MelScale scale = MelScale::kSlaney;
  bool equal_energy = true;   // Slaney's norm: each triangle is divided by half its width in Hz
  bool in_mel_space = false;  // triangles that are straight in mel rather than in Hz
};

// Immutable, so shared freely between threads. A filter may cover no bin: then it gives 0, as in
// the references.
class MelFilters {
 public:
  explicit MelFilters(const MelOptions& options);

  // `spectrum` has options.bins numbers, `energies` has options.filters.
  void apply(std::span<const double> spectrum, std::span<double> energies) const;

  size_t size() const { return filters_.size(); }

 private:
  struct Filter {
    size_t begin = 0;  // the first bin
    std::vector<double> weights;
  };
  std::vector<Filter> filters_;
};

}  // namespace accel::audio
