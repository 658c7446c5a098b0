#include "server/openai/subtitles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace accel::server {
namespace {

constexpr double kPauseSeconds = 1;
constexpr double kCueSecondsMax = 7;
constexpr size_t kCueBytesMax = 80;

bool ends_sentence(std::string_view text) {
  return text.ends_with('.') || text.ends_with('?') || text.ends_with('!');
}

bool goes_on(const Cue& cue, const TranscriptChunk& word) {
  return !ends_sentence(cue.text) && word.begin - cue.end < kPauseSeconds &&
         word.end - cue.begin <= kCueSecondsMax &&
         cue.text.size() + 1 + word.text.size() <= kCueBytesMax;
}

std::string clock_text(double seconds, char point) {
  const auto ms = static_cast<int64_t>(std::llround(std::max(seconds, 0.0) * 1000));
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
                     point, ms % 1000);
}

std::string time_line(const Cue& cue, char point) {
  return fmt::format("{} --> {}", clock_text(cue.begin, point), clock_text(cue.end, point));
}

// A line of text: what would end a cue or begin a tag is escaped.
std::string web_vtt_text(std::string_view text) {
  std::string line;
  for (const char c : text) {
    switch (c) {
      case '&': line += "&amp;"; break;
      case '<': line += "&lt;"; break;
      case '>': line += "&gt;"; break;
      case '\r':
      case '\n': line += ' '; break;
      default: line += c;
    }
  }
  return line;
}

std::string subrip_text(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return line;
}

}  // namespace

std::vector<Cue> cues_of(std::span<const TranscriptChunk> words) {
  std::vector<Cue> cues;
  for (const TranscriptChunk& word : words) {
    if (!cues.empty() && goes_on(cues.back(), word)) {
      cues.back().text += " " + word.text;
      cues.back().end = word.end;
    } else {
      cues.push_back({word.text, word.begin, word.end});
    }
  }
  return cues;
}

std::string subrip_of(std::span<const Cue> cues) {
  std::string text;
  for (size_t i = 0; i < cues.size(); ++i) {
    text +=
        fmt::format("{}\n{}\n{}\n\n", i + 1, time_line(cues[i], ','), subrip_text(cues[i].text));
  }
  return text;
}

std::string web_vtt_of(std::span<const Cue> cues) {
  std::string text = "WEBVTT\n\n";
  for (const Cue& cue : cues) {
    text += fmt::format("{}\n{}\n\n", time_line(cue, '.'), web_vtt_text(cue.text));
  }
  return text;
}

}  // namespace accel::server
