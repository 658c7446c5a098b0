#include "cli/progress.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>
#include <cmath>

#include <algorithm>

#include "base/files.h"
#include "cli/console.h"
#include "cli/table.h"

namespace accel::cli {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr size_t kBarColumnsMin = 10;
constexpr size_t kBarColumnsMax = 40;
constexpr double kSecondsMax = 100 * 3600;

std::string clock_text(double seconds) {
  const auto whole = std::llround(seconds);
  const int64_t hours = whole / 3600;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(double fraction, size_t columns) {
  const auto done = static_cast<size_t>(fraction * static_cast<double>(columns));
  std::string text = "[" + std::string(done, '=');
  if (done < columns) text += ">" + std::string(columns - done - 1, ' ');
  return text + "]";
}

size_t terminal_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

void draw(std::string_view text) {
  const Status ignored = write_all(STDERR_FILENO, text, "standard error");
}

}  // namespace

std::string progress_line(const ProgressState& state, size_t columns) {
  const bool bytes = state.unit == ProgressUnit::kBytes;
  std::string facts = bytes ? human_bytes(state.texts) : with_separators(state.texts) + " texts";
  if (state.seconds > 0) {
    const double rate = static_cast<double>(state.texts) / state.seconds;
    facts += bytes ? fmt::format("  {}/s", human_bytes(static_cast<uint64_t>(rate)))
                   : fmt::format("  {:.0f}/s", rate);
  }
  if (state.fraction) {
    const double fraction = std::clamp(*state.fraction, 0.0, 1.0);
    const double left = fraction > 0 ? state.seconds / fraction - state.seconds : kSecondsMax;
    facts = fmt::format("{:3.0f}%  {}", 100 * fraction, facts);
    if (left < kSecondsMax) facts += fmt::format("  {} left", clock_text(left));
    if (columns >= facts.size() + kBarColumnsMin + 4) {
      facts = bar(fraction, std::min(columns - facts.size() - 4, kBarColumnsMax)) + " " + facts;
    }
  }
  return facts.substr(0, columns);
}

Progress::Progress(bool wanted, ProgressUnit unit)
    : shown_(wanted && stderr_is_terminal()), unit_(unit), began_(Clock::now()), last_(began_) {}

Progress::~Progress() {
  if (drawn_) draw("\r\x1b[K");
}

void Progress::update(uint64_t texts, std::optional<double> fraction) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  // The last column stays free: some terminals wrap there.
  draw("\r" + progress_line({texts, fraction, seconds, unit_}, terminal_columns() - 1) + "\x1b[K");
}

}  // namespace accel::cli
