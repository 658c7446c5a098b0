// The progress bar: how far, how fast, how long still.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace accel::cli {

enum class ProgressUnit : uint8_t { kTexts, kBytes };

struct ProgressState {
  uint64_t texts = 0;              // done; bytes, where these are the unit
  std::optional<double> fraction;  // of the input, 0 to 1, when its size is known
  double seconds = 0;              // since the first text went in
  ProgressUnit unit = ProgressUnit::kTexts;
};

// One line of at most `columns` columns: "[=====>    ]  52%  1,234 texts  612/s  0:02 left", or
// without bar and time left where the size is not known; of bytes "12.3 MiB  1.1 MiB/s".
std::string progress_line(const ProgressState& state, size_t columns);

// Draws on standard error, at most ten times a second, and only on a terminal. One owner, one
// thread.
class Progress {
 public:
  // `wanted` false: silent.
  explicit Progress(bool wanted, ProgressUnit unit = ProgressUnit::kTexts);
  ~Progress();  // wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool shown() const { return shown_; }
  void update(uint64_t texts, std::optional<double> fraction);

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_;
  ProgressUnit unit_;
  bool drawn_ = false;
  Clock::time_point began_;
  Clock::time_point last_;
};

}  // namespace accel::cli
