// One HTTP/2 connection as a state machine: the client's bytes in, bytes to it out, and between
// them an exchange for each of its streams. Knows no socket and no clock: times come as arguments,
// and never go backwards.
//
//   Http2Session session(options, counters, host, now);
//   session.feed(bytes, now);                    // of the client, the preface first
//   session.woken(stream, now);                  // what Http2Host::waker() was called for
//   session.look(now);                           // when due() has come
//   session.pull(output, most, now);             // after each of these
//   if (session.over()) ...                      // send what there is, and close
//
// A whole body is read up to its exchange's limit. One that is taken in stretches is handed on as
// it comes; what an exchange does not hunger for yet is kept here, and the client's window gets no
// wider, so that a connection never holds more than kConnectionWindow of such bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/counters.h"
#include "server/http/http2_frames.h"
#include "server/http/http_server.h"
#include "server/http/message.h"
#include "server/http/refusal.h"

namespace accel::http {

// What a session asks of its connection.
class Http2Host {
 public:
  virtual ~Http2Host() = default;
  virtual std::unique_ptr<Exchange> open(RequestHead head) = 0;  // null: none could be made
  virtual Response refusal(const Refusal& why) = 0;
  // May be called from any thread, also after the session has ended; leads to woken().
  virtual std::function<void()> waker(int32_t stream) = 0;
};

class Http2Session : private Http2Events {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr uint32_t kStreamWindow = 1 << 20;
  static constexpr uint32_t kConnectionWindow = 4 << 20;

  // Counts requests, malformed, timeouts and abandoned. `options`, `counters` and `host` outlive
  // it. Throws std::bad_alloc, as all of its functions do; the connection is then to be closed.
  Http2Session(const HttpServerOptions& options, Counters& counters, Http2Host& host, Time now);
  ~Http2Session() override;

  void feed(std::string_view bytes, Time now);
  void woken(int32_t stream, Time now);
  // Appends what is to be sent, at most about `most` bytes of it.
  void pull(std::string& into, size_t most, Time now);
  // The client is told to come back later, instead of being served.
  void turn_away(Time now);
  // No further streams; over() when those under way have ended.
  void drain(Time now);
  // When look() is to be called; never: Time::max().
  Time due() const;
  // Ends what is too slow.
  void look(Time now);
  // The client has gone, or cannot be spoken to: all exchanges end.
  void lose();

  // Nothing follows what pull() gave; when that is sent, the connection is to be closed.
  bool over() const { return dead_ || frames_.over(); }
  // Or at once: the client does not take it.
  bool dead() const { return dead_; }
  bool idle() const { return streams_.empty(); }

 private:
  struct Stream;

  // --- Http2Events ---
  void begin_head(int32_t stream) override;
  void add_header(int32_t stream, std::string_view name, std::string_view value) override;
  void end_head(int32_t stream) override;
  void add_body(int32_t stream, std::string_view bytes) override;
  void end_request(int32_t stream) override;
  Supply supply(int32_t stream, size_t most) override;
  void take(int32_t stream, size_t bytes, std::string& into) override;
  void begun(int32_t stream) override;
  void answered(int32_t stream) override;
  void closed(int32_t stream) override;
  void blamed(int32_t stream) override;

  // --- a request ---
  void open(Stream& stream, RequestHead head, bool wants_continue);
  void begin(Stream& stream);
  void add_stretch(Stream& stream, std::string_view bytes);
  void hand_on(Stream& stream);
  void refuse(Stream& stream, const Refusal& why);
  void fail(Stream& stream);

  // --- its answer ---
  void next_part(Stream& stream);
  void ask(Stream& stream);
  void advance(Stream& stream);
  void settle(Stream& stream);
  void send_head(Stream& stream);
  void end_part(Stream& stream);

  // --- time ---
  Time later(double seconds) const;
  void look_within_grace();
  void judge_streams();
  void await_streams();

  Stream* find(int32_t stream);
  void drop_held(Stream& stream);
  void drop(int32_t stream);
  void count_cancel();
  void terminate();
  void deafen();

  const HttpServerOptions& options_;
  Counters& counters_;
  Http2Host& host_;
  Http2Frames frames_;
  std::map<int32_t, std::unique_ptr<Stream>> streams_;  // whose answer has not been sent
  Time now_;
  Time head_due_ = Time::max();  // of a header block that has begun
  Time idle_due_ = Time::max();  // while there is no stream
  Time look_due_ = Time::max();  // for streams that are too slow
  uint64_t heads_ = 0;           // header blocks so far
  double cancels_left_;          // that the client may make, at cancels_at_
  Time cancels_at_;
  uint64_t requests_ = 0;
  uint64_t held_ = 0;     // bytes that no exchange has taken yet
  bool leaving_ = false;  // no further streams
  bool deaf_ = false;     // and what the client says does not count
  bool dead_ = false;
};

}  // namespace accel::http
