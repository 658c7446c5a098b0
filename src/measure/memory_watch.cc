#include "measure/memory_watch.h"

#include <utility>

#include "hardware/limits.h"
#include "hardware/threads.h"

namespace accel::measure {

MemoryWatch::MemoryWatch(Clock::time_point began, std::chrono::milliseconds interval)
    : began_(began), interval_(interval), thread_([this] { watch(); }) {}

MemoryWatch::~MemoryWatch() { stop(); }

void MemoryWatch::watch() {
  hardware::name_this_thread("accel-memory");
  std::unique_lock lock(mutex_);
  do {
    read();
  } while (!changed_.wait_for(lock, interval_, [this] { return stopped_; }));
  read();
}

void MemoryWatch::read() {
  readings_.push_back({seconds_since(began_), hardware::read_memory_use().resident_bytes});
}

std::vector<MemoryReading> MemoryWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  return std::exchange(readings_, {});
}

}  // namespace accel::measure
