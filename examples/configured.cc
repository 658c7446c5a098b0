// Models as a file of options has them: which is loaded how, and what ran.
//   configured FILE MODEL...
#include <accel/config.h>

#include <cstdio>
#include <string>

namespace {

int fail(const accel::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return accel::exit_code(status.code());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: configured FILE MODEL...\n"), 2;
  const auto config = accel::Config::read({.file = argv[1]});
  if (!config.ok()) return fail(config.status());
  auto engine = accel::Engine::create(config->engine_options());
  if (!engine.ok()) return fail(engine.status());
  auto manager = accel::create_manager(**engine, *config);  // knows the models of the file
  if (!manager.ok()) return fail(manager.status());
  for (int i = 2; i < argc; ++i) {
    const auto lease = (*manager)->acquire(argv[i]);
    if (!lease.ok()) return fail(lease.status());
    const auto result = (*lease)->embed({"A text becomes a vector."});
    if (!result.ok()) return fail(result.status());
    const accel::RunReport& report = result->report;
    std::printf("%s: %s on %s%s%s\n", argv[i], report.backend.c_str(), report.device.c_str(),
                report.fallback ? ", fallback: " : "", report.fallback_reason.c_str());
  }
}
