// A connection's request and its answer.
#include "server/http/connection_turn.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <ctime>

#include "server/http/request_body.h"

namespace accel::http {
namespace {

using Progress = RequestParser::Progress;

constexpr size_t kBodyStepMin = 4 << 10;
constexpr size_t kBodyStepMax = 256 << 10;
constexpr size_t kJoinedBytesMax = 16 << 10;  // up to which copying is cheaper than a second buffer
constexpr uint64_t kDiscardedBodyMax = 64 << 10;

}  // namespace

// --- a request -----------------------------------------------------------------------------------

Task<bool> Connection::serve_request() {
  Turn turn(state_.options);
  if (!co_await read_head(turn)) co_return false;
  take_head(turn);
  if (turn.exchange == nullptr) {
    Refusal why = {.status = 500, .why = "the server could not take this request: its own fault"};
    co_return co_await refuse(turn, std::move(why));
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
      co_return co_await refuse(turn, turn.parser.refusal());
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
  turn.exchange = open(std::move(head));
}

// The client is too slow, or gone.
Task<bool> Connection::refuse_late(Turn& turn, Wait wait) {
  if (wait == Wait::kGone) {
    if (!ended_) ++state_.counters.abandoned;
    co_return false;
  }
  ++state_.counters.timeouts;
  Refusal why = {.status = 408, .why = "the request came too slowly"};
  co_return co_await refuse(turn, std::move(why));
}

Task<bool> Connection::take_body(Turn& turn) {
  BodyRule rule;
  Refusal refusal;
  try {
    refusal = find_rule(*turn.exchange, turn.content_encoding, turn.body_left, rule);
  } catch (...) {
    turn.broken = true;
    co_return true;
  }
  if (refusal.status != 0) co_return co_await refuse(turn, std::move(refusal));
  std::string body;
  if (turn.parser.chunked() || turn.body_left > 0) {
    const Wait wait = co_await read_body(turn, rule.bytes_max, body);
    if (turn.parser.refusal().status != 0) {
      co_return co_await refuse(turn, turn.parser.refusal());
    }
    if (wait != Wait::kReady) co_return co_await refuse_late(turn, wait);
  }
  refusal = finish_body(rule, body);
  if (refusal.status != 0) co_return co_await refuse(turn, std::move(refusal));
  try {
    turn.exchange->begin(std::move(body));
  } catch (...) {
    turn.broken = true;
  }
  if (!turn.broken) next_part(turn);
  co_return true;
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
      make_body_room(body, size, length);
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
    Refusal why = {.status = 500, .why = "the server could not answer: its own fault"};
    co_return co_await refuse(turn, std::move(why));
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
  turn.wake->take();  // what is said from now on counts
  try {
    turn.exchange->notify([wake = turn.wake] { Wake::call(wake, 0); });
  } catch (...) {
    turn.broken = true;
    co_return true;
  }
  while (turn.wake->take().empty()) {
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

// Answers instead of an exchange; what the client sends beyond is not read.
Task<bool> Connection::refuse(Turn& turn, Refusal why) {
  ++state_.counters.malformed;
  Response response = refusal(why);
  turn.exchange = answer_with(std::move(response));
  turn.context.keep_alive = false;
  turn.broken = false;
  linger_ = true;
  next_part(turn);
  co_await answer(turn);
  co_return false;
}

}  // namespace accel::http
