#include "runtime/memory_room.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>

#include "hardware/limits.h"

namespace accel::runtime {
namespace {

constexpr uint64_t kLeastReserve = 16 << 20;
constexpr uint64_t kReservePart = 20;
// Giving back walks through all that is free.
constexpr auto kGiveBackPause = std::chrono::milliseconds(100);

}  // namespace

uint64_t memory_reserve(uint64_t bytes_max) {
  return std::max(bytes_max / kReservePart, kLeastReserve);
}

MemoryRoom::Hold::~Hold() {
  if (room_ == nullptr) return;
  const Lock lock(room_->mutex_);
  room_->held_ -= bytes_;
  --room_->holders_;
  room_->freed_.notify_all();
}

bool MemoryRoom::Hold::alone() const {
  const Lock lock(room_->mutex_);
  return room_->shared_at_ < number_;
}

MemoryRoom::MemoryRoom(uint64_t bytes_max, std::function<uint64_t()> resident,
                       std::function<void()> give_back)
    : bytes_max_(bytes_max), resident_(std::move(resident)), give_back_(std::move(give_back)) {}

uint64_t MemoryRoom::left_beside(uint64_t held) const {
  const uint64_t taken = resident_() + held + memory_reserve(bytes_max_);
  return bytes_max_ > taken ? bytes_max_ - taken : 0;
}

uint64_t MemoryRoom::left() const {
  const Lock lock(mutex_);
  return left_beside(held_);
}

Result<MemoryRoom::Hold> MemoryRoom::hold(uint64_t bytes, uint64_t spare) {
  Lock lock(mutex_);
  const uint64_t wanted = bytes + spare;
  if (left_beside(held_) == 0 && Clock::now() - gave_back_ >= kGiveBackPause) {
    gave_back_ = Clock::now();
    give_back_();
  }
  while (wanted > left_beside(held_)) {
    const auto now = Clock::now();
    if (now - gave_back_ >= kGiveBackPause) {
      gave_back_ = now;
      give_back_();
    } else if (holders_ > 0) {
      freed_.wait(lock);
    } else {
      return resource_exhausted(fmt::format(
          "expected room for {} MiB, found {} MiB of memory in use, of at most {} (memory_cap) "
          "less {} of reserve; try again later, send less at a time, or raise the cap",
          (wanted >> 20) + 1, resident_() >> 20, bytes_max_ >> 20,
          memory_reserve(bytes_max_) >> 20));
    }
  }
  held_ += bytes;
  ++latest_;
  if (++holders_ > 1) shared_at_ = latest_;
  return Hold(this, bytes, latest_);
}

std::shared_ptr<MemoryRoom> make_memory_room(uint64_t bytes_max) {
  if (bytes_max == 0) return nullptr;
  return std::make_shared<MemoryRoom>(
      bytes_max, [] { return hardware::read_memory_use().resident_bytes; }, [] { malloc_trim(0); });
}

}  // namespace accel::runtime
