#include "runtime/session_pool.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/stopwatch.h"

namespace accel::runtime {
namespace {

constexpr auto kInteractiveMemory = std::chrono::seconds(1);
constexpr auto kBulkPatience = std::chrono::seconds(1);
constexpr double kNewestShare = 0.25;  // of the latest batch in the measured speed

size_t index_of(Lane lane) { return static_cast<size_t>(lane); }

int sessions_of(const std::vector<PoolMember>& members) {
  int sessions = 0;
  for (const PoolMember& member : members) sessions += std::max(member.sessions, 1);
  return sessions;
}

}  // namespace

SessionPool::Lease::~Lease() {
  if (session_) pool_->give_back(*this);
}

const std::string& SessionPool::Lease::device() const {
  return pool_->members_[member_].parts.device;  // never changes
}

SessionPool::SessionPool(std::vector<PoolMember> members, ContentRoutes routes)
    : size_(sessions_of(members)), routes_(std::move(routes)) {
  for (PoolMember& parts : members) {
    parts.sessions = std::max(parts.sessions, 1);
    MemberStatistics counts{.device = parts.device, .weight = parts.weight};
    auto memory = parts.room ? std::make_unique<GraphMemory>(parts.room, parts.sessions) : nullptr;
    auto places = std::make_shared<Places>(parts.where, parts.model, std::move(parts.stand_ins),
                                           std::move(parts.on_fallback), std::move(memory));
    members_.push_back(
        {.parts = std::move(parts), .places = std::move(places), .counts = std::move(counts)});
  }
}

SessionPool::SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size)
    : SessionPool({{.model = std::move(model), .sessions = size}}) {}

int SessionPool::size_of(MemberMask members) const {
  int sessions = 0;
  for (size_t i = 0; i < members_.size(); ++i) {
    if ((members >> i & 1) != 0) sessions += members_[i].parts.sessions;  // never changes
  }
  return sessions;
}

bool SessionPool::bulk_is_overdue() const {
  const std::deque<Waiter>& line = waiting_[index_of(Lane::kBulk)];
  return !line.empty() && Clock::now() - line.front().since > kBulkPatience;
}

// For callers of this lane, whoever waits in it not counted.
int SessionPool::room(Lane lane) const {
  const int free = size_ - lent_[0] - lent_[1];
  const bool overdue = bulk_is_overdue();
  if (lane == Lane::kInteractive) return overdue ? free - 1 : free;
  if (overdue) return free;
  const bool expected = interactive_seen_ && Clock::now() - *interactive_seen_ < kInteractiveMemory;
  const int most = expected ? std::max(size_ - 1, 1) : size_;
  const auto before_us = static_cast<int>(waiting_[index_of(Lane::kInteractive)].size());
  return std::min(free, most - lent_[index_of(Lane::kBulk)]) - before_us;
}

std::optional<size_t> SessionPool::choose(const Work& work) const {
  if (room(work.lane) <= 0) return std::nullopt;
  if (members_.size() == 1) return 0;
  std::vector<InstanceLoad> loads;
  const TimePoint now = Clock::now();
  for (const Member& member : members_) {
    const bool allowed = (work.only >> loads.size() & 1) != 0;
    loads.push_back({.weight = member.parts.weight,
                     .usable = allowed,
                     .sessions = member.parts.sessions,
                     .free = member.parts.sessions - member.lent,
                     .seconds_per_token = member.counts.seconds_per_token,
                     .promised_seconds =
                         std::max(std::chrono::duration<double>(member.free_at - now).count(), 0.0),
                     .worked_seconds = member.counts.worked_seconds});
  }
  return place(loads, work.tokens, std::max(work.waiting, work.tokens));
}

// For the waiter with this ticket, or one that comes behind all. Those before it go first, but for
// whom there is no room on the members that they may use.
std::optional<size_t> SessionPool::choose_in_turn(const Work& work, uint64_t ticket) const {
  for (const Waiter& earlier : waiting_[index_of(work.lane)]) {
    if (earlier.ticket >= ticket) break;
    if (earlier.work->only == work.only || choose(*earlier.work)) return std::nullopt;
  }
  return choose(work);
}

int SessionPool::waiting(Lane lane) const {
  const Lock lock(mutex_);
  return static_cast<int>(waiting_[index_of(lane)].size());
}

// As who borrows it expects it, whatever was set by the one before.
void SessionPool::hand_over(Lease& lease, std::unique_ptr<FallbackSession> session) {
  session->refuse_nan(true);
  session->set_urgent(lease.lane_ == Lane::kInteractive);
  lease.session_ = std::move(session);
}

Result<SessionPool::Lease> SessionPool::lend(const Work& work, size_t index, Lock& lock) {
  Member& member = members_[index];
  ++member.lent;
  ++lent_[index_of(work.lane)];
  Lease lease(*this, work, index);
  lease.begin_ = Clock::now();
  if (work.lane == Lane::kInteractive) interactive_seen_ = lease.begin_;
  const std::chrono::duration<double> promise(static_cast<double>(work.tokens) *
                                              member.counts.seconds_per_token);
  if (member.counts.batches > 0) lease.expected_seconds_ = promise.count();
  member.free_at =
      std::max(member.free_at, lease.begin_ + std::chrono::duration_cast<Clock::duration>(promise));
  if (!member.idle.empty()) {
    hand_over(lease, std::move(member.idle.back()));
    member.idle.pop_back();
    return lease;
  }
  lock.unlock();
  Result<std::unique_ptr<FallbackSession>> session = FallbackSession::create(member.places);
  if (session.ok()) {
    hand_over(lease, std::move(*session));
    lease.begin_ = Clock::now();
    return lease;
  }
  lock.lock();
  --member.lent;
  --lent_[index_of(work.lane)];
  freed_.notify_all();
  return session.status();
}

Result<SessionPool::Lease> SessionPool::acquire(const Work& work) {
  Lock lock(mutex_);
  std::deque<Waiter>& line = waiting_[index_of(work.lane)];
  std::optional<size_t> member = choose_in_turn(work, next_ticket_);
  if (!member) {
    const uint64_t ticket = next_ticket_++;
    line.push_back({ticket, Clock::now(), &work});
    // What keeps bulk jobs out ends with time alone.
    while (!(member = choose_in_turn(work, ticket))) {
      freed_.wait_for(lock, kInteractiveMemory);
    }
    line.erase(std::ranges::find(line, ticket, &Waiter::ticket));
    freed_.notify_all();
  }
  return lend(work, *member, lock);
}

std::optional<Result<SessionPool::Lease>> SessionPool::try_acquire(const Work& work) {
  Lock lock(mutex_);
  const std::optional<size_t> member = choose_in_turn(work, next_ticket_);
  if (!member) return std::nullopt;
  return lend(work, *member, lock);
}

void SessionPool::count(MemberStatistics& counts, const Lease& lease, double seconds) {
  const double newest = seconds / static_cast<double>(lease.tokens_);
  counts.seconds_per_token =
      counts.batches == 0 ? newest : std::lerp(counts.seconds_per_token, newest, kNewestShare);
  ++counts.batches;
  counts.rows += static_cast<uint64_t>(lease.rows_);
  counts.tokens += static_cast<uint64_t>(lease.tokens_);
  counts.worked_seconds += seconds;
}

void SessionPool::give_back(Lease& lease) {
  const Lock lock(mutex_);
  Member& member = members_[lease.member_];
  const TimePoint now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - lease.begin_).count();
  if (lease.tokens_ > 0) count(member.counts, lease, seconds);
  member.free_at = now;
  member.idle.push_back(std::move(lease.session_));
  --member.lent;
  --lent_[index_of(lease.lane_)];
  freed_.notify_all();
}

std::vector<MemberStatistics> SessionPool::statistics() const {
  const Lock lock(mutex_);
  std::vector<MemberStatistics> all;
  std::vector<double> seconds;  // of each member for a token
  for (const Member& member : members_) {
    all.push_back(member.counts);
    all.back().fallbacks = member.places->fallbacks();
    seconds.push_back(member.counts.seconds_per_token / member.parts.sessions);
  }
  const double slowest = std::ranges::max(seconds);
  const bool known = std::ranges::min(seconds) > 0;
  for (size_t i = 0; i < all.size() && known; ++i) {
    if (members_[i].parts.weight == 0) all[i].weight = slowest / seconds[i];
  }
  return all;
}

}  // namespace accel::runtime
