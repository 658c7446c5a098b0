#include "engine/decision_log.h"

#include <fmt/format.h>

namespace accel::engine {
namespace {

std::string_view text_of(CacheOutcome outcome) {
  switch (outcome) {
    case CacheOutcome::kUnused: return "unused: making it again is as quick, or it is switched off";
    case CacheOutcome::kMade: return "had nothing: made and compiled";
    case CacheOutcome::kGraphFound: return "had the converted graph: compiled";
    case CacheOutcome::kCompiledFound: return "had the compiled model";
  }
  return "";
}

}  // namespace

void log_decisions(const Log& log, const RunReport& report) {
  if (!log.says(LogLevel::kDebug, LogPart::kEngine)) return;
  const auto say = [&](const std::string& text) {
    log.write(LogLevel::kDebug, LogPart::kEngine, text);
  };
  say(fmt::format("model {}, graph made of {}", report.model, report.source));
  say(fmt::format("device {} by {}, isolation {}{}", report.device, report.backend,
                  to_string(report.isolation), report.simulated ? ", others simulated" : ""));
  say(fmt::format("precision {}, {}", to_string(report.precision), report.precision_source));
  say(fmt::format("kernels {}, {} streams ({}), {} threads", report.kernels, report.streams,
                  report.streams_source, report.threads));
  say(fmt::format("cache {}", text_of(report.cache.outcome)));
  say(report.fallback ? "fallback: " + report.fallback_reason : "fallback none");
  if (!report.local_reason.empty()) say("local path: " + report.local_reason);
  for (const std::string& notice : report.notices) say("notice: " + notice);
}

}  // namespace accel::engine
