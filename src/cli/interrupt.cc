#include "cli/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "base/files.h"

namespace accel::cli {
namespace {

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};
constexpr int64_t kImpatienceNs = 1'000'000'000;

// A signal handler has no other way to reach anything. Lock-free, as it must be.
std::atomic<int> g_stop_fd = -1;
std::atomic<int64_t> g_signalled_ns = 0;
std::array<struct sigaction, kSignals.size()> g_before;

int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

void raise_flag(int fd) {
  const uint64_t one = 1;
  // The counter cannot overflow, and there is nobody to tell of any other failure.
  [[maybe_unused]] const ssize_t wrote = ::write(fd, &one, sizeof one);
}

void on_signal(int signal) {
  const int saved = errno;
  int64_t before = 0;
  if (g_signalled_ns.compare_exchange_strong(before, now_ns())) {
    raise_flag(g_stop_fd);
  } else if (now_ns() - before > kImpatienceNs) {
    // Programs such as timeout(1) send the same signal twice at once; a person does not.
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  errno = saved;
}

}  // namespace

void let_writes_fail() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

Result<std::unique_ptr<Interrupt>> Interrupt::create() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return errno_status(errno, "creating", "an event descriptor");
  return std::unique_ptr<Interrupt>(new Interrupt(fd));
}

Interrupt::Interrupt(int stop_fd) : stop_fd_(stop_fd) {
  g_signalled_ns = 0;
  g_stop_fd = stop_fd_;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &g_before[i]);
    // nohup has asked to outlive its terminal.
    if (kSignals[i] == SIGHUP && g_before[i].sa_handler == SIG_IGN) continue;
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &g_before[i], nullptr);
  g_stop_fd = -1;
  ::close(stop_fd_);
}

bool Interrupt::signalled() const { return g_signalled_ns != 0; }

void Interrupt::stop() const { raise_flag(stop_fd_); }

}  // namespace accel::cli
