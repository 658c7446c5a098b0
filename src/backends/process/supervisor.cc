#include "backends/process/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "backends/process/backoff.h"
#include "base/files.h"
#include "base/try.h"
#include "hardware/threads.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace accel::backend {
namespace {

constexpr int kControlFile = 3;
constexpr std::string_view kSentNonsense = "sent what is no answer and was killed";
// A killed process ends at once, but for one that is stuck inside a driver.
constexpr auto kEndPatience = std::chrono::seconds(5);

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// Of the calling thread, and so of the processes that it starts.
Status bind_to(const std::vector<int>& cores) {
  if (cores.empty()) return {};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int core : cores) CPU_SET(core, &mask);
  if (::sched_setaffinity(0, sizeof mask, &mask) == 0) return {};
  return errno_status(errno, "binding", "a worker process to its logical CPUs");
}

// How a process is started: nothing of ours open in it but the channel, and in a process group of
// its own, so that an interrupt from the terminal is for accel alone to handle.
class SpawnSettings {
 public:
  explicit SpawnSettings(int control) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, control, kControlFile);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kControlFile + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

struct Spawned {
  pid_t pid = 0;
  std::shared_ptr<Channel> control;
};

Result<Spawned> spawn(const SupervisorOptions& options) {
  ACCEL_TRY(bind_to(options.cores));
  ACCEL_ASSIGN(auto ends, Channel::create());
  const SpawnSettings settings(ends.second.get());
  std::string name = options.program.string();
  std::string parent = std::to_string(::getpid());
  std::array<char*, 3> arguments{name.data(), parent.data(), nullptr};
  Spawned spawned;
  const int failed = ::posix_spawn(&spawned.pid, name.c_str(), settings.actions(),
                                   settings.attributes(), arguments.data(), environ);
  if (failed != 0) return errno_status(failed, "starting", name);
  spawned.control = std::make_shared<Channel>(std::move(ends.first));
  return spawned;
}

// How an ended process ended; it stays until it is waited for.
std::string end_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return fmt::format("exited with code {}", info.si_status);
  const char* hint =
      info.si_status == SIGKILL ? ", which the system also does when memory runs out" : "";
  return fmt::format("was ended by signal {} ({}{})", info.si_status, strsignal(info.si_status),
                     hint);
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, Prepare prepare)
    : options_(std::move(options)), prepare_(std::move(prepare)) {
  keeper_ = std::thread([this] { keep(); });
}

Supervisor::~Supervisor() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    kill_now();
    changed_.notify_all();
  }
  keeper_.join();
}

void Supervisor::kill_now() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void Supervisor::keep() {
  hardware::name_this_thread("accel-keeper");
  Lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || phase_ == Phase::kStarting; });
    if (stopping_) return;
    run_once(lock);
  }
}

void Supervisor::fail_start(Status error) {
  start_error_ = std::move(error);
  ++failed_starts_;
  changed_.notify_all();
}

// From its start to its end.
void Supervisor::run_once(Lock& lock) {
  lock.unlock();
  Result<Spawned> spawned = spawn(options_);
  lock.lock();
  began_ = Clock::now();
  if (!spawned.ok()) {
    note_end("could not be started", false);
    phase_ = Phase::kStopped;
    const Status& error = spawned.status();
    fail_start(unavailable(fmt::format("a worker process for {} could not be started: {}",
                                       options_.what, error.message())));
    return;
  }
  pid_ = last_pid_ = spawned->pid;
  counts_.pid = pid_;
  ++counts_.starts;
  ++start_;
  cause_.clear();
  hung_ = refused_ = false;
  if (stopping_) kill_now();
  lock.unlock();
  const Prepared prepared =
      prepare_(*spawned->control, began_ + duration_of(options_.start_seconds));
  lock.lock();
  const bool ready = prepared.arrival == Arrival::kMessage && prepared.error.ok();
  if (ready) {
    phase_ = Phase::kReady;
    control_ = std::move(spawned->control);
    changed_.notify_all();
  } else {
    phase_ = Phase::kEnding;
    refused_ = prepared.arrival == Arrival::kMessage;
    hung_ = prepared.arrival == Arrival::kLate;
    if (hung_) {
      cause_ = fmt::format("was not ready after {:g} s and was killed", options_.start_seconds);
    }
    if (prepared.arrival == Arrival::kNonsense) cause_ = kSentNonsense;
    kill_now();
  }
  await_end(lock);
  phase_ = Phase::kStopped;
  if (!ready) {
    fail_start(refused_ ? prepared.error
                        : unavailable(fmt::format("worker process {} ({}) {} while it compiled "
                                                  "the graph{}",
                                                  last_pid_, options_.what, last_end_,
                                                  start_ > 1 ? next_start() : "")));
  }
  changed_.notify_all();
}

void Supervisor::await_end(Lock& lock) {
  const pid_t pid = pid_;
  siginfo_t info{};
  lock.unlock();
  int found = 0;
  do {
    // The process keeps its number, which others may kill under the lock, until that is cleared.
    found = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  } while (found != 0 && errno == EINTR);
  lock.lock();
  if (found == 0) ::waitpid(pid, nullptr, 0);
  pid_ = 0;
  counts_.pid = 0;
  control_.reset();
  // A program that ignores the ends of its children is not told how they ended.
  note_end(found == 0 ? end_of(info) : std::string("ended"), true);
}

void Supervisor::note_end(const std::string& how, bool ran) {
  last_end_ = cause_.empty() ? how : cause_;
  if (ran && !stopping_ && !refused_) ++(hung_ ? counts_.hangs : counts_.crashes);
  ends_ = ends_in_a_row(ends_, seconds_since(began_));
  not_before_ = Clock::now() + duration_of(backoff_seconds(ends_));
}

std::string Supervisor::next_start() const {
  return fmt::format("; the next call after {:g} s starts it again", backoff_seconds(ends_));
}

Result<Supervisor::Running> Supervisor::running() {
  Lock lock(mutex_);
  if (phase_ == Phase::kEnding) {
    changed_.wait_for(lock, kEndPatience, [&] { return phase_ != Phase::kEnding; });
  }
  if (phase_ == Phase::kEnding) {
    return unavailable(fmt::format("worker process {} ({}) was killed and has not ended yet", pid_,
                                   options_.what));
  }
  if (phase_ == Phase::kStopped) {
    const double left = std::chrono::duration<double>(not_before_ - Clock::now()).count();
    if (ends_ > 0 && left > 0) {
      return unavailable(fmt::format("the worker process for {} {}; it is started again by the "
                                     "first call after {:.2f} s",
                                     options_.what, last_end_, left));
    }
    phase_ = Phase::kStarting;
    changed_.notify_all();
  }
  const uint64_t failures = failed_starts_;
  changed_.wait(lock, [&] { return phase_ == Phase::kReady || failed_starts_ != failures; });
  if (phase_ == Phase::kReady) return Running{start_, control_};
  return start_error_;
}

Status Supervisor::failed(uint64_t start, Arrival why, double waited_seconds,
                          std::string_view action) {
  Lock lock(mutex_);
  if (start == start_ && phase_ == Phase::kReady) {
    phase_ = Phase::kEnding;
    if (why == Arrival::kLate) {
      hung_ = true;
      cause_ = fmt::format("did not end {} within {:g} s and was killed", action, waited_seconds);
    } else if (why == Arrival::kNonsense) {
      cause_ = kSentNonsense;
    }
    // Of one whose channel is closed by its own end, this changes nothing.
    kill_now();
  }
  changed_.wait_for(lock, kEndPatience, [&] { return start_ != start || pid_ == 0; });
  if (start_ == start && pid_ != 0) {
    return unavailable(fmt::format("{}: worker process {} ({}) {}, but has not ended yet", action,
                                   pid_, options_.what, cause_.empty() ? "is gone" : cause_));
  }
  return unavailable(fmt::format("{}: worker process {} ({}) {}{}", action, last_pid_,
                                 options_.what, last_end_, next_start()));
}

WorkerState Supervisor::state() const {
  const Lock lock(mutex_);
  return counts_;
}

}  // namespace accel::backend
