#include "server/http/connection.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <ctime>

#include "server/http/answer_head.h"
#include "server/http/coding.h"
#include "server/http/request_parser.h"

namespace accel::http {
namespace {

namespace asio = boost::asio;
using Progress = RequestParser::Progress;

constexpr asio::use_awaitable_t<Executor> kAwait;
constexpr size_t kReadBytes = 8 << 10;
constexpr size_t kBodyStepMin = 4 << 10;
constexpr size_t kBodyStepMax = 256 << 10;
constexpr size_t kSpareBytes = 64;            // behind a body, for parsers that read beyond the end
constexpr size_t kJoinedBytesMax = 16 << 10;  // up to which copying is cheaper than a second buffer
constexpr uint64_t kDiscardedBodyMax = 64 << 10;
constexpr uint64_t kLingerBytesMax = 8 << 20;
constexpr double kLingerSeconds = 1;
constexpr double kNever = 1e9;

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(seconds, kNever)));
}

iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

std::string joined_values(const Headers& headers, std::string_view name) {
  std::string joined;
  for (const Header& header : headers) {
    if (header.name != name) continue;
    if (!joined.empty()) joined += ", ";
    joined += header.value;
  }
  return joined;
}

}  // namespace

// By which an exchange wakes the connection. Outlives both.
class Connection::Wake {
 public:
  explicit Wake(Connection& connection) : connection_(&connection) {}

  bool woken = false;  // looked at on the strand only

  static void call(const std::shared_ptr<Wake>& wake) {
    const std::lock_guard lock(wake->mutex_);
    if (wake->connection_ == nullptr) return;
    asio::post(wake->connection_->executor_,
               [wake, connection = wake->connection_->shared_from_this()] {
                 wake->woken = true;
                 connection->resume();
               });
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    connection_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Connection* connection_;  // guarded by mutex_; null: gone
};

// How long the client may still keep a transfer waiting, by its average so far.
struct Connection::Pace {
  explicit Pace(const HttpServerOptions& options)
      : grace(options.grace_seconds), rate(static_cast<double>(options.bytes_per_second_min)) {}

  double grace;
  double rate;  // 0: it need not move on
  uint64_t bytes = 0;
  double waited = 0;

  double seconds_left() const {
    if (rate <= 0) return kNever;
    return std::max(0.0, grace + static_cast<double>(bytes) / rate - waited);
  }
};

// One request and its answer.
struct Connection::Turn {
  explicit Turn(const HttpServerOptions& options)
      : parser(options.header_bytes_max), pace(options) {}
  ~Turn() {
    if (wake != nullptr) wake->forget();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  RequestParser parser;
  AnswerContext context = {.keep_alive = false};
  std::string content_encoding;
  uint64_t body_left = 0;  // of a body of known length, not read so far
  std::shared_ptr<Wake> wake;
  std::unique_ptr<Exchange> exchange;
  std::optional<Part> part;  // the next, where one is there
  bool ended = false;        // no further part comes
  bool broken = false;       // it has thrown
  bool watched = true;       // whether the client leaves
  bool head_written = false;
  Framing framing = Framing::kNone;
  uint64_t length = 0;       // of kLength
  uint64_t written = 0;      // of the body
  bool end_written = false;  // of kChunked
  Pace pace;                 // of the answer
};

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
  late_ = false;
  const Clock::time_point at = Clock::now() + duration_of(seconds);
  deadline_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
}

void Connection::clear_deadline() {
  late_ = false;
  deadline_.store(0, std::memory_order_relaxed);
}

// --- its life ------------------------------------------------------------------------------------

Task<void> Connection::run() {
  try {
    if (arrival_.turned_away) co_await turn_away();
    bool going = !arrival_.turned_away && co_await shake_hands();
    while (going) going = co_await wait_for_request() && co_await serve();
    co_await leave();
  } catch (...) {  // memory is short: this one connection ends
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

Task<void> Connection::turn_away() {
  stream_ = make_plain_stream(arrival_.fd);
  Turn turn(state_.options);
  co_await refuse(turn, 503, "this server has as many connections as it may have; try again later");
}

Task<bool> Connection::wait_for_request() {
  struct Idle {
    std::atomic<uint64_t>& count;
    explicit Idle(std::atomic<uint64_t>& c) : count(c) { ++count; }
    ~Idle() { --count; }
  } const idle(state_.counters.connections_idle);
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

// What has come, and what comes with it.
Task<bool> Connection::serve() {
  bool going = true;
  while (going && !input_.empty()) {
    going = co_await serve_request();
    // Whoever sends many requests at once does not keep others waiting.
    if (going && !input_.empty()) co_await asio::post(executor_, kAwait);
  }
  std::string().swap(input_);
  co_return going;
}

Task<void> Connection::leave() {
  if (ended_ || stream_ == nullptr) co_return;
  // Closing a socket with unread bytes resets it, and the client may lose what was written.
  int unread = 0;
  if (::ioctl(arrival_.fd, FIONREAD, &unread) == 0 && unread > 0) linger_ = true;
  stream_->shut_down();
  if (!linger_) co_return;
  set_deadline(kLingerSeconds);
  std::array<char, kReadBytes> bytes;
  uint64_t discarded = 0;
  while (discarded < kLingerBytesMax && !ended_ && !late_) {
    const ssize_t got = ::recv(arrival_.fd, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      discarded += static_cast<uint64_t>(got);
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
      co_await wait_for(Io::kWantRead);
    } else {
      break;
    }
  }
}

// --- bytes ---------------------------------------------------------------------------------------

// Reads into input_ what is there.
Io Connection::fill() {
  std::array<char, kReadBytes> bytes;
  const Attempt attempt = stream_->read(bytes);
  if (attempt.io == Io::kDone) {
    input_.append(bytes.data(), attempt.bytes);
    state_.counters.bytes_in += attempt.bytes;
  }
  // Fewer than asked for are all: arm() sees what comes after.
  if (attempt.io == Io::kWantRead || attempt.bytes < bytes.size()) readable_ = false;
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

// --- a request -----------------------------------------------------------------------------------

Task<bool> Connection::serve_request() {
  Turn turn(state_.options);
  if (!co_await read_head(turn)) co_return false;
  take_head(turn);
  if (turn.exchange == nullptr) {
    co_return co_await refuse(turn, 500, "the server could not take this request: its own fault");
  }
  next_part(turn);
  const bool answered = turn.part || turn.ended || turn.broken;
  if (answered) {
    let_body_be(turn);
  } else {
    const bool begun = co_await take_body(turn);
    if (!begun) co_return false;
  }
  if (!co_await answer(turn)) co_return false;
  if (!turn.context.keep_alive) co_return false;
  co_return co_await discard_body(turn.body_left);
}

// Of an exchange that answers without its body, which may still come.
void Connection::let_body_be(Turn& turn) {
  const bool small = !turn.parser.chunked() && turn.body_left <= kDiscardedBodyMax;
  if (small && !turn.parser.wants_continue()) return;  // discard_body() reads it
  turn.context.keep_alive = false;
  linger_ = true;
}

Task<bool> Connection::read_head(Turn& turn) {
  set_deadline(state_.options.header_seconds_max);
  for (;;) {
    const Progress progress = turn.parser.read_head(input_);
    if (progress == Progress::kDone) break;
    if (progress == Progress::kRefused) {
      const RequestParser::Refusal refusal = turn.parser.refusal();
      co_return co_await refuse(turn, refusal.status, refusal.why);
    }
    const Io io = ended_ ? Io::kGone : fill();
    if (io == Io::kDone) continue;
    const Wait wait = co_await wait_for(io);
    if (wait == Wait::kLate) co_return co_await refuse_late(turn, wait);
    if (wait == Wait::kGone) co_return false;
  }
  clear_deadline();
  co_return true;
}

// Asks the handler.
void Connection::take_head(Turn& turn) {
  ++state_.counters.requests;
  ++served_;
  const uint64_t most = state_.options.requests_per_connection_max;
  RequestHead head = turn.parser.take_head();
  turn.content_encoding = joined_values(head.headers, "content-encoding");
  turn.body_left = head.content_length.value_or(0);
  turn.context = {.http_1_0 = turn.parser.is_http_1_0(),
                  .to_head = head.method == "HEAD",
                  .keep_alive = turn.parser.keep_alive() && (most == 0 || served_ < most)};
  head.peer = arrival_.peer;
  head.loopback = arrival_.loopback;
  head.secure = arrival_.tls != nullptr;
  head.certificate = stream_->certificate();
  try {
    turn.exchange = arrival_.handler->open(std::move(head));
  } catch (...) {  // as if it had given none
  }
}

// The client is too slow, or gone.
Task<bool> Connection::refuse_late(Turn& turn, Wait wait) {
  if (wait == Wait::kGone) {
    if (!ended_) ++state_.counters.abandoned;
    co_return false;
  }
  ++state_.counters.timeouts;
  co_return co_await refuse(turn, 408, "the request came too slowly");
}

Task<bool> Connection::take_body(Turn& turn) {
  uint64_t limit = 0;
  try {
    limit = turn.exchange->body_bytes_max();
  } catch (...) {  // takes none, then
  }
  if (turn.body_left > limit) {
    co_return co_await refuse(
        turn, 413,
        fmt::format("expected a body of at most {} bytes, found {}", limit, turn.body_left));
  }
  const std::optional<Coding> coding = parse_coding(turn.content_encoding);
  if (!coding) co_return co_await refuse_coding(turn);
  std::string body;
  if (turn.parser.chunked() || turn.body_left > 0) {
    const Wait wait = co_await read_body(turn, limit, body);
    if (turn.parser.refusal().status != 0) {
      const RequestParser::Refusal refusal = turn.parser.refusal();
      co_return co_await refuse(turn, refusal.status, refusal.why);
    }
    if (wait != Wait::kReady) co_return co_await refuse_late(turn, wait);
  }
  if (*coding != Coding::kIdentity && !body.empty()) {
    Result<std::string> decoded = decode(*coding, body, limit);
    if (!decoded.ok()) {
      const bool large = decoded.status().code() == StatusCode::kOutOfRange;
      co_return co_await refuse(turn, large ? 413 : 400, decoded.status().message());
    }
    body = std::move(*decoded);
  }
  body.reserve(body.size() + kSpareBytes);
  try {
    turn.exchange->begin(std::move(body));
  } catch (...) {
    turn.broken = true;
  }
  if (!turn.broken) next_part(turn);
  co_return true;
}

Task<bool> Connection::refuse_coding(Turn& turn) {
  Headers headers;
  headers.push_back({.name = "accept-encoding", .value = "gzip, deflate"});
  co_return co_await refuse(turn, 415,
                            "expected gzip, deflate or identity in Content-Encoding, found another",
                            std::move(headers));
}

Task<Connection::Wait> Connection::read_body(Turn& turn, uint64_t limit, std::string& body) {
  if (turn.parser.wants_continue() && input_.empty()) {
    iovec text = piece_of("HTTP/1.1 100 Continue\r\n\r\n");
    Pace pace(state_.options);
    const Wait wait = co_await write_all({&text, 1}, pace);
    if (wait != Wait::kReady) co_return wait;
  }
  if (turn.parser.chunked()) co_return co_await read_chunks(turn, limit, body);
  co_return co_await read_known_length(turn, body);
}

Task<Connection::Wait> Connection::read_known_length(Turn& turn, std::string& body) {
  const auto length = static_cast<size_t>(turn.body_left);
  size_t got = std::min(input_.size(), length);
  body.reserve(got + kSpareBytes);
  body.assign(input_, 0, got);
  input_.erase(0, got);
  Pace pace(state_.options);
  while (got < length) {
    if (got == body.size()) {  // memory follows what came: twice as much, and touched in steps
      const size_t step = std::clamp(got, kBodyStepMin, kBodyStepMax);
      const size_t size = std::min(length, got + step);
      if (size + kSpareBytes > body.capacity()) {
        body.reserve(std::min(length, std::max(size, 2 * got)) + kSpareBytes);
      }
      body.resize(size);
    }
    const Attempt attempt =
        ended_ ? Attempt() : stream_->read(std::span(body.data() + got, body.size() - got));
    if (attempt.io == Io::kDone) {
      got += attempt.bytes;
      state_.counters.bytes_in += attempt.bytes;
      continue;
    }
    pace.bytes = got;
    const Wait wait = co_await wait_for(attempt.io, pace);
    if (wait != Wait::kReady) co_return wait;
  }
  turn.body_left = 0;
  co_return Wait::kReady;
}

Task<Connection::Wait> Connection::read_chunks(Turn& turn, uint64_t limit, std::string& body) {
  Pace pace(state_.options);
  for (;;) {
    const size_t before = input_.size();
    const Progress progress = turn.parser.read_chunks(input_, body, limit);
    if (progress != Progress::kMore) co_return Wait::kReady;
    pace.bytes += before - input_.size();
    const Wait wait = co_await read_more(pace);
    if (wait != Wait::kReady) co_return wait;
  }
}

// So that the next request can be seen.
Task<bool> Connection::discard_body(uint64_t bytes) {
  if (bytes == 0) co_return true;
  Pace pace(state_.options);
  for (;;) {
    const auto taken = static_cast<size_t>(std::min<uint64_t>(bytes, input_.size()));
    input_.erase(0, taken);
    bytes -= taken;
    pace.bytes += taken;
    if (bytes == 0) break;
    if (co_await read_more(pace) != Wait::kReady) co_return false;
  }
  co_return true;
}

// --- its answer ----------------------------------------------------------------------------------

void Connection::next_part(Turn& turn) {
  try {
    turn.part = turn.exchange->try_next();
    turn.ended = turn.exchange->ended();
  } catch (...) {
    turn.part.reset();
    turn.broken = true;
  }
}

Task<bool> Connection::answer(Turn& turn) {
  for (;;) {
    if (turn.part && !turn.head_written && !turn.part->head) turn.broken = true;
    if (turn.broken || (!turn.part && turn.ended)) break;
    const bool there = turn.part ? co_await write_part(turn) : co_await wait_for_part(turn);
    if (!there) co_return false;
    if (turn.head_written && turn.framing == Framing::kNone) co_return true;
    next_part(turn);
  }
  co_return co_await finish(turn);
}

// Behind the last part. What ends before its time is not to be taken for a whole answer.
Task<bool> Connection::finish(Turn& turn) {
  if (!turn.head_written) {
    co_return co_await refuse(turn, 500, "the server could not answer: its own fault");
  }
  if (turn.broken && turn.framing == Framing::kClose) reset();
  if (turn.broken) co_return false;
  if (turn.framing == Framing::kLength) co_return turn.written == turn.length;
  if (turn.framing == Framing::kChunked && !turn.end_written) {
    turn.part = Part{};
    co_return co_await write_part(turn);
  }
  co_return true;
}

// Closes so that the client sees an error.
void Connection::reset() {
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(arrival_.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ended_ = true;
}

// Until next_part() has something to say; false: there is nobody to say it to.
Task<bool> Connection::wait_for_part(Turn& turn) {
  if (turn.wake == nullptr) turn.wake = std::make_shared<Wake>(*this);
  turn.wake->woken = false;
  try {
    turn.exchange->notify([wake = turn.wake] { Wake::call(wake); });
  } catch (...) {
    turn.broken = true;
    co_return true;
  }
  while (!turn.wake->woken) {
    if (ended_ || client_left(turn)) co_return false;
    co_await next_event();
  }
  co_return true;
}

bool Connection::client_left(Turn& turn) {
  if (!turn.watched) return false;
  if (readable_ || stream_->holds_bytes()) {
    const Io io = stream_->look();
    if (io == Io::kGone) {
      ++state_.counters.abandoned;
      return true;
    }
    if (io == Io::kDone) {  // another request: beyond it nothing is seen
      turn.watched = false;
      return false;
    }
    readable_ = false;
  }
  arm(Io::kWantRead);
  return false;
}

Task<bool> Connection::write_part(Turn& turn) {
  std::string before;
  std::string_view body = turn.part->body;
  if (!turn.head_written) {
    const ResponseHead& head = *turn.part->head;
    turn.context.keep_alive = turn.context.keep_alive && !state_.draining.load();
    turn.framing = framing_of(head, turn.context);
    turn.length = head.length.value_or(0);
    if (turn.framing == Framing::kClose) turn.context.keep_alive = false;
    before = head_text(head, turn.context, std::time(nullptr));
    turn.head_written = true;
  }
  if (turn.framing == Framing::kNone) body = {};
  if (turn.framing == Framing::kLength) {
    body = body.substr(
        0, static_cast<size_t>(std::min<uint64_t>(body.size(), turn.length - turn.written)));
  }
  std::string_view after;
  if (turn.framing == Framing::kChunked) {
    if (!body.empty()) fmt::format_to(std::back_inserter(before), "{:x}\r\n", body.size());
    const std::string_view end = "\r\n0\r\n\r\n";  // of a chunk, then of all
    after = end.substr(body.empty() ? 2 : 0, (body.empty() ? 0 : 2) + (turn.ended ? 5 : 0));
    turn.end_written = turn.ended;
  }
  turn.written += body.size();
  std::array<iovec, 3> pieces = {};
  if (body.size() <= kJoinedBytesMax) {
    before.append(body).append(after);
    pieces[0] = piece_of(before);
  } else {
    pieces = {piece_of(before), piece_of(body), piece_of(after)};
  }
  const Wait wait = co_await write_all(pieces, turn.pace);
  if (wait == Wait::kLate) ++state_.counters.timeouts;
  if (wait == Wait::kGone && !ended_) ++state_.counters.abandoned;
  co_return wait == Wait::kReady;
}

Response Connection::refusal(int status, const std::string& why) {
  try {
    return arrival_.handler->refuse(status, why);
  } catch (...) {
    return {.status = status};
  }
}

// Answers instead of an exchange; what the client sends beyond is not read.
Task<bool> Connection::refuse(Turn& turn, int status, std::string why, Headers headers) {
  ++state_.counters.malformed;
  Response response = refusal(status, why);
  response.headers.insert(response.headers.end(), headers.begin(), headers.end());
  turn.exchange = answer_with(std::move(response));
  turn.context.keep_alive = false;
  turn.broken = false;
  linger_ = true;
  next_part(turn);
  co_await answer(turn);
  co_return false;
}

}  // namespace accel::http
