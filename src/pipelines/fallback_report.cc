#include "pipelines/fallback_report.h"

namespace accel::pipelines {

void tell_fallback(const runtime::RunFallback* fallback, RunReport& report) {
  if (fallback == nullptr) return;
  report.backend = fallback->where.backend;
  report.device = fallback->executed.device;
  report.precision = fallback->executed.precision;
  report.streams = fallback->executed.streams;
  report.threads = fallback->executed.threads;
  report.kernels = fallback->executed.kernels;
  report.fallback = true;
  report.fallback_reason = fallback->reason;
}

}  // namespace accel::pipelines
