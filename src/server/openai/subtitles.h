// Words with their times as subtitles. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "accel/task.h"

namespace accel::server {

// What is shown together; times in seconds.
struct Cue {
  std::string text;
  double begin = 0;
  double end = 0;
};

// Words in the order in which they were said. A cue ends at the end of a sentence, before a pause
// of a second, and before it has more than 80 bytes or 7 seconds, which are read at a glance.
std::vector<Cue> cues_of(std::span<const TranscriptChunk> words);

// SubRip: numbered, times as "00:00:01,500".
std::string subrip_of(std::span<const Cue> cues);

// WebVTT (https://www.w3.org/TR/webvtt1), times as "00:00:01.500".
std::string web_vtt_of(std::span<const Cue> cues);

}  // namespace accel::server
