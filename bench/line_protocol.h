// The native end of the bench's line protocol (peers/protocol.py): one JSON request on a line of
// standard input, one JSON answer on a line of standard output.
#pragma once

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "accel/status.h"
#include "base/stopwatch.h"

namespace accel::bench {

using nlohmann::json;

template <class Contender>
json answer_line(Contender& contender, const std::string& line) {
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object()) return {{"ok", false}, {"error", "expected a JSON object"}};
  Clock::time_point start = Clock::now();
  try {
    Result<json> found = contender.answer(request, start);
    if (!found.ok()) return {{"ok", false}, {"error", found.status().to_string()}};
    json answer = *std::move(found);
    answer["ok"] = true;
    answer["seconds"] = seconds_since(start);
    return answer;
  } catch (const std::exception& error) {  // the engine's, or a setting of the wrong type
    return {{"ok", false}, {"error", error.what()}};
  }
}

// Until the input ends. A contender has `Result<json> answer(const json& request,
// Clock::time_point& start)`, which sets `start` after what is not timed and leaves "ok" and
// "seconds" to us.
template <class Contender>
void answer_lines(Contender& contender) {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer_line(contender, line).dump() << std::endl;
  }
}

}  // namespace accel::bench
