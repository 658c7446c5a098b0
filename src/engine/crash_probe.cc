#include "engine/crash_probe.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

#include "engine/installed_program.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

// The exit status of waitpid, or nullopt when the child could not be started.
std::optional<int> run_quietly(const fs::path& program) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name = program.string();
  char* arguments[] = {name.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, name.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Status probe_engine(store::Facts& facts, const std::string& cpu,
                    const std::string& engine_version) {
  const store::FactKey key{.kind = "crash-probe", .cpu = cpu, .engine = engine_version};
  std::string signal;
  const auto known = facts.get(key);
  if (known && known->contains("signal") && (*known)["signal"].is_string()) {
    signal = (*known)["signal"].get<std::string>();
  } else {
    const auto program = find_installed_program("accel-probe");
    const auto status = program ? run_quietly(*program) : std::nullopt;
    if (!status) return {};
    if (WIFSIGNALED(*status)) signal = strsignal(WTERMSIG(*status));
    // A fact that cannot be kept is found out again next time.
    [[maybe_unused]] const Status kept = facts.put(key, {{"signal", signal}});
  }
  if (signal.empty()) return {};
  return unavailable(engine_version + " crashes on this CPU (" + signal +
                     " in the start-up probe); use --backend reference, or another OpenVINO "
                     "version through OpenVINO_DIR");
}

}  // namespace accel::engine
