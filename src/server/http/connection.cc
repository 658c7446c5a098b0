#include "server/http/connection.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "server/http/connection_turn.h"

namespace accel::http {
namespace {

namespace asio = boost::asio;

constexpr asio::use_awaitable_t<Executor> kAwait;
constexpr size_t kReadBytes = 8 << 10;
constexpr uint64_t kLingerBytesMax = 8 << 20;
constexpr double kLingerSeconds = 1;

Refusal too_many_connections() {
  return {.status = 503,
          .why = "this server has as many connections as it may have; try again later"};
}

}  // namespace

// --- the table -----------------------------------------------------------------------------------

void ConnectionTable::add(Connection& connection) {
  const std::lock_guard lock(mutex_);
  connections_.insert(&connection);
}

void ConnectionTable::remove(Connection& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(&connection);
  if (connections_.empty()) emptied_.notify_all();
}

template <class Predicate>
std::vector<std::shared_ptr<Connection>> ConnectionTable::those(Predicate predicate) {
  std::vector<std::shared_ptr<Connection>> found;
  const std::lock_guard lock(mutex_);
  for (Connection* connection : connections_) {
    if (!predicate(*connection)) continue;
    if (auto owned = connection->weak_from_this().lock()) found.push_back(std::move(owned));
  }
  return found;
}

std::vector<std::shared_ptr<Connection>> ConnectionTable::late(Clock::time_point now) {
  return those([now](const Connection& connection) { return connection.is_late(now); });
}

std::vector<std::shared_ptr<Connection>> ConnectionTable::all() {
  return those([](const Connection&) { return true; });
}

bool ConnectionTable::wait_until_empty(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_until(lock, until, [this] { return connections_.empty(); });
}

// --- what happens --------------------------------------------------------------------------------

Connection::Connection(ServerState& state, const Executor& executor, Arrival arrival)
    : state_(state),
      executor_(executor),
      arrival_(std::move(arrival)),
      descriptor_(executor, arrival_.fd) {
  ++state_.counters.connections;
}

Connection::~Connection() {
  --state_.counters.connections;
  state_.table.remove(*this);
}

void Connection::start(ServerState& state, const Executor& executor, Arrival arrival) {
  const int fd = arrival.fd;
  Connection* made = nullptr;
  try {
    made = new Connection(state, executor, std::move(arrival));
  } catch (...) {
    ::close(fd);
    return;
  }
  const std::shared_ptr<Connection> connection(made);
  state.table.add(*connection);
  asio::co_spawn(
      executor, [connection] { return connection->run(); }, asio::detached);
}

bool Connection::is_late(Clock::time_point now) const {
  const int64_t deadline = deadline_.load(std::memory_order_relaxed);
  return deadline != 0 && now.time_since_epoch().count() >= deadline;
}

void Connection::post_late() {
  asio::post(executor_, [self = shared_from_this()] {
    if (!self->is_late(Clock::now())) return;  // there is another deadline by now
    self->late_ = true;
    self->resume();
  });
}

void Connection::post_drain() {
  asio::post(executor_, [self = shared_from_this()] { self->resume(); });
}

void Connection::post_end() {
  asio::post(executor_, [self = shared_from_this()] {
    self->ended_ = true;
    self->resume();
  });
}

Task<void> Connection::next_event() {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](Sleeper sleeper) { sleeper_.emplace(std::move(sleeper)); }, kAwait);
}

void Connection::resume() {
  if (!sleeper_) return;
  Sleeper sleeper = std::move(*sleeper_);
  sleeper_.reset();
  sleeper();
}

void Connection::arm(Io io) {
  const bool read = io == Io::kWantRead;
  bool& armed = read ? read_armed_ : write_armed_;
  if (armed) return;
  armed = true;
  descriptor_.async_wait(read ? Descriptor::wait_read : Descriptor::wait_write,
                         [self = shared_from_this(), read](const boost::system::error_code&) {
                           (read ? self->read_armed_ : self->write_armed_) = false;
                           (read ? self->readable_ : self->writable_) = true;
                           self->resume();
                         });
}

void Connection::set_deadline(double seconds) {
  set_deadline_at(Clock::now() + duration_of(seconds));
}

void Connection::set_deadline_at(Clock::time_point at) {
  late_ = false;
  deadline_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
}

void Connection::clear_deadline() {
  late_ = false;
  deadline_.store(0, std::memory_order_relaxed);
}

// --- its life ------------------------------------------------------------------------------------

Task<void> Connection::run() {
  try {
    bool going = co_await shake_hands();
    const bool welcome = going && !arrival_.turned_away;
    if (going && !welcome && !stream_->chose_http2()) {
      Turn turn(state_.options);
      going = co_await refuse(turn, too_many_connections());
    }
    if (welcome) going = co_await wait_for_request();
    if (going && (!welcome || co_await begins_http2())) {
      co_await serve_http2();  // or tells it that there are too many
      going = false;
    }
    while (going) going = co_await serve_request() && co_await wait_for_request();
    co_await leave();
  } catch (...) {
    ended_ = true;  // memory is short: this one connection ends
  }
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

Task<bool> Connection::shake_hands() {
  if (arrival_.tls == nullptr) {
    stream_ = make_plain_stream(arrival_.fd);
    co_return true;
  }
  const std::shared_ptr<ssl_ctx_st> context = arrival_.tls->context();
  stream_ = make_tls_stream(arrival_.fd, *context);
  if (stream_ == nullptr) co_return false;
  set_deadline(state_.options.header_seconds_max);
  for (;;) {
    const Io io = ended_ ? Io::kGone : stream_->handshake();
    if (io == Io::kDone) co_return true;
    const Wait wait = co_await wait_for(io);
    if (wait == Wait::kReady) continue;
    if (wait == Wait::kLate) ++state_.counters.timeouts;
    linger_ = true;  // what speaks no TLS reads why, or at least an end
    co_return false;
  }
}

Task<bool> Connection::wait_for_request() {
  if (!input_.empty()) {  // whoever sends many at once does not keep others waiting
    co_await asio::post(executor_, kAwait);
    co_return !ended_;
  }
  std::string().swap(input_);
  const Idle idle(state_.counters.connections_idle);
  set_deadline(state_.options.idle_seconds_max);
  for (;;) {
    if (ended_) co_return false;
    const bool draining = state_.draining.load();
    if (readable_ || draining || stream_->holds_bytes()) {
      const Io io = fill();
      if (io == Io::kDone) co_return true;
      if (io == Io::kGone) co_return false;
    }
    if (late_ || draining) co_return false;
    arm(Io::kWantRead);
    co_await next_event();
  }
}

Task<void> Connection::leave() {
  if (ended_ || stream_ == nullptr) co_return;
  // Closing a socket with unread bytes resets it, and the client may lose what was written.
  int unread = 0;
  if (::ioctl(arrival_.fd, FIONREAD, &unread) == 0 && unread > 0) linger_ = true;
  stream_->shut_down();
  if (!linger_) co_return;
  set_deadline(kLingerSeconds);
  uint64_t discarded = 0;
  while (discarded < kLingerBytesMax && !ended_ && !late_) {
    const Attempt attempt = stream_->discard();
    if (attempt.io == Io::kGone) break;
    discarded += attempt.bytes;
    if (attempt.io == Io::kWantRead) co_await wait_for(Io::kWantRead);
  }
}

// --- what it asks the handler --------------------------------------------------------------------

std::unique_ptr<Exchange> Connection::open(RequestHead head) {
  head.peer = arrival_.peer;
  head.loopback = arrival_.loopback;
  head.secure = arrival_.tls != nullptr;
  head.certificate = stream_->certificate();
  try {
    return arrival_.handler->open(std::move(head));
  } catch (...) {
    return nullptr;
  }
}

Response Connection::refusal(const Refusal& why) {
  Response response = {.status = why.status};
  try {
    response = arrival_.handler->refuse(why.status, why.why);
  } catch (...) {
    response.body.clear();
  }
  response.headers.insert(response.headers.end(), why.headers.begin(), why.headers.end());
  return response;
}

// --- bytes ---------------------------------------------------------------------------------------

// Reads what is there.
Attempt Connection::read_some(std::span<char> into) {
  const Attempt attempt = stream_->read(into);
  if (attempt.io == Io::kDone) state_.counters.bytes_in += attempt.bytes;
  // Fewer than asked for are all: arm() sees what comes after.
  if (attempt.io == Io::kWantRead || attempt.bytes < into.size()) readable_ = false;
  return attempt;
}

// The same, into input_.
Io Connection::fill() {
  std::array<char, kReadBytes> bytes;
  const Attempt attempt = read_some(bytes);
  if (attempt.io == Io::kDone) input_.append(bytes.data(), attempt.bytes);
  return attempt.io;
}

// Waits for bytes of a body.
Task<Connection::Wait> Connection::read_more(Pace& pace) {
  for (;;) {
    const Io io = ended_ ? Io::kGone : fill();
    if (io == Io::kDone) co_return Wait::kReady;
    const Wait wait = co_await wait_for(io, pace);
    if (wait != Wait::kReady) co_return wait;
  }
}

Task<Connection::Wait> Connection::wait_for(Io io) {
  if (io == Io::kGone) co_return Wait::kGone;
  bool& ready = io == Io::kWantRead ? readable_ : writable_;
  ready = false;
  arm(io);
  while (!ready && !late_ && !ended_) co_await next_event();
  if (ended_) co_return Wait::kGone;
  co_return late_ ? Wait::kLate : Wait::kReady;
}

// The same, of a transfer that must move on.
Task<Connection::Wait> Connection::wait_for(Io io, Pace& pace) {
  const Clock::time_point begin = Clock::now();
  set_deadline(pace.seconds_left());
  const Wait wait = co_await wait_for(io);
  pace.waited += std::chrono::duration<double>(Clock::now() - begin).count();
  if (wait == Wait::kReady) clear_deadline();
  co_return wait;
}

Task<Connection::Wait> Connection::write_all(std::span<iovec> pieces, Pace& pace) {
  while (!pieces.empty()) {
    if (pieces.front().iov_len == 0) {
      pieces = pieces.subspan(1);
      continue;
    }
    const Attempt attempt = ended_ ? Attempt() : stream_->write(pieces);
    if (attempt.io != Io::kDone) {
      const Wait wait = co_await wait_for(attempt.io, pace);
      if (wait != Wait::kReady) co_return wait;
      continue;
    }
    pace.bytes += attempt.bytes;
    state_.counters.bytes_out += attempt.bytes;
    size_t left = attempt.bytes;
    for (iovec& piece : pieces) {
      const size_t taken = std::min(left, piece.iov_len);
      piece = piece_of({static_cast<const char*>(piece.iov_base) + taken, piece.iov_len - taken});
      left -= taken;
    }
  }
  co_return Wait::kReady;
}

}  // namespace accel::http
