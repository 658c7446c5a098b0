// Several models within a bound of memory: what is not needed makes room for what is.
//   many_models MEGABYTES MODEL_FOLDER...
#include <accel/model_manager.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

int fail(const accel::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return accel::exit_code(status.code());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: many_models MEGABYTES MODEL_FOLDER...\n"), 2;
  auto engine = accel::Engine::create();
  if (!engine.ok()) return fail(engine.status());
  const uint64_t bound = std::strtoull(argv[1], nullptr, 10) << 20;
  auto manager = accel::ModelManager::create(**engine, {.memory_bytes_max = bound});
  if (!manager.ok()) return fail(manager.status());
  for (int i = 2; i < argc; ++i) {
    accel::ModelDefinition definition{.name = "model " + std::to_string(i - 1)};
    definition.load.path = argv[i];
    if (const auto defined = (*manager)->define(definition); !defined.ok()) return fail(defined);
  }
  for (int i = 2; i < argc; ++i) {
    const auto lease = (*manager)->acquire("model " + std::to_string(i - 1));
    if (!lease.ok()) return fail(lease.status());
    const auto result = (*lease)->embed({"A text becomes a vector."});
    if (!result.ok()) return fail(result.status());
  }
  for (const accel::ModelEvent& event : (*manager)->events()) {
    std::printf("%6.3f s  %s: %s%s%s\n", event.seconds, event.name.c_str(),
                std::string(to_string(event.state)).c_str(), event.reason.empty() ? "" : ", ",
                event.reason.c_str());
  }
}
