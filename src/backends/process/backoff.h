// How long a worker process that ended stays ended. Pure.
#pragma once

namespace accel::backend {

// A process that ran for so long was sound: its end counts as the first.
inline constexpr double kSoundSeconds = 60;

// Seconds from its end to its next start, after so many ends in a row: 0.1 after the first,
// doubled by each further one, at most 30.
constexpr double backoff_seconds(int ends) {
  constexpr double kFirst = 0.1;
  constexpr double kMost = 30;
  double seconds = ends > 0 ? kFirst : 0;
  for (int i = 1; i < ends && seconds < kMost; ++i) seconds *= 2;
  return seconds < kMost ? seconds : kMost;
}

// Ends in a row, after one more, of a process that lived for so long.
constexpr int ends_in_a_row(int before, double lived_seconds) {
  const int counted = lived_seconds >= kSoundSeconds ? 0 : before;
  return counted < 1000 ? counted + 1 : counted;
}

}  // namespace accel::backend
