// A connection that speaks HTTP/2: its socket, its wakers and its clock, for one session.
#include <array>

#include "server/http/connection_wake.h"
#include "server/http/http2_session.h"

namespace accel::http {
namespace {

constexpr size_t kHttp2ReadBytes = 16 << 10;
constexpr size_t kHttp2SliceBytes = 64 << 10;  // written at once
// Read and written before others of the thread have their turn.
constexpr int kHttp2SlicesMax = 4;

}  // namespace

// The session, and what it has said that is not written yet.
class Connection::Http2 : public Http2Host {
 public:
  explicit Http2(Connection& connection)
      : connection_(connection),
        wake_(std::make_shared<Wake>(connection)),
        session_(connection.state_.options, connection.state_.counters, *this, Clock::now()) {}
  ~Http2() override { wake_->forget(); }

  std::unique_ptr<Exchange> open(RequestHead head) override {
    return connection_.open(std::move(head));
  }
  Response refusal(const Refusal& why) override { return connection_.refusal(why); }
  std::function<void()> waker(int32_t stream) override {
    return [wake = wake_, stream] { Wake::call(wake, stream); };
  }

  void hear();
  Io read();
  Io write();
  bool is_over() const {
    return session_.dead() || (session_.over() && written_ == output_.size());
  }
  bool is_drained() const { return drained_; }
  void rest();

  Http2Session& session() { return session_; }

 private:
  Connection& connection_;
  std::shared_ptr<Wake> wake_;
  std::string output_;
  size_t written_ = 0;    // of output_
  bool drained_ = false;  // the session has nothing more to say
  std::optional<Idle> idle_;
  Http2Session session_;
};

// What happened besides bytes.
void Connection::Http2::hear() {
  const Clock::time_point now = Clock::now();
  for (const int32_t stream : wake_->take()) session_.woken(stream, now);
  if (connection_.state_.draining.load()) session_.drain(now);
  if (now >= session_.due()) session_.look(now);
}

// What the client sends. kDone: there may be more at once.
Io Connection::Http2::read() {
  std::array<char, kHttp2ReadBytes> bytes;
  for (int i = 0; i < kHttp2SlicesMax; ++i) {
    if (!connection_.readable_ && !connection_.stream_->holds_bytes()) return Io::kWantRead;
    const Attempt attempt = connection_.read_some(bytes);
    if (attempt.io != Io::kDone) return attempt.io;
    session_.feed({bytes.data(), attempt.bytes}, Clock::now());
  }
  return Io::kDone;
}

// What the session says. kDone: all of it, or there is more to write at once.
Io Connection::Http2::write() {
  for (int i = 0; i < kHttp2SlicesMax; ++i) {
    if (written_ == output_.size()) {
      output_.clear();
      written_ = 0;
      session_.pull(output_, kHttp2SliceBytes, Clock::now());
      drained_ = output_.empty();
      if (drained_) break;
    }
    const iovec piece = {.iov_base = output_.data() + written_,
                         .iov_len = output_.size() - written_};
    const Attempt attempt = connection_.stream_->write({&piece, 1});
    if (attempt.io != Io::kDone) return attempt.io;
    written_ += attempt.bytes;
    connection_.state_.counters.bytes_out += attempt.bytes;
  }
  return Io::kDone;
}

// Nothing is to be done for a while.
void Connection::Http2::rest() {
  if (written_ == output_.size()) std::string().swap(output_);
  if (!session_.idle()) return idle_.reset();
  if (!idle_) idle_.emplace(connection_.state_.counters.connections_idle);
}

// --- the coroutines ------------------------------------------------------------------------------

// Whether the first bytes are those of HTTP/2, where TLS has not settled it.
Task<bool> Connection::begins_http2() {
  if (arrival_.tls != nullptr) co_return stream_->chose_http2();
  set_deadline(state_.options.header_seconds_max);
  for (;;) {
    const size_t size = std::min(input_.size(), kHttp2Preface.size());
    if (input_.compare(0, size, kHttp2Preface.substr(0, size)) != 0) co_return false;
    if (size == kHttp2Preface.size()) co_return true;
    const Io io = ended_ ? Io::kGone : fill();
    if (io == Io::kDone) continue;
    const Wait wait = co_await wait_for(io);
    if (wait != Wait::kReady) co_return false;
  }
}

Task<void> Connection::serve_http2() {
  Http2 http2(*this);
  if (arrival_.turned_away) http2.session().turn_away(Clock::now());
  http2.session().feed(input_, Clock::now());
  std::string().swap(input_);
  while (!ended_) {
    http2.hear();
    const Io in = http2.read();
    const Io out = in == Io::kGone ? Io::kGone : http2.write();
    if (out == Io::kGone) {
      http2.session().lose();
      co_return;
    }
    if (http2.is_over()) break;
    if (in == Io::kDone || (out == Io::kDone && !http2.is_drained())) {
      co_await boost::asio::post(executor_, boost::asio::use_awaitable_t<Executor>());
      continue;
    }
    http2.rest();
    if (out == Io::kWantWrite) arm(Io::kWantWrite);
    arm(Io::kWantRead);
    set_deadline_at(http2.session().due());
    co_await next_event();
  }
  linger_ = true;  // the client may not know yet that it is over
}

}  // namespace accel::http
