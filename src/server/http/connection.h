// One connection: a coroutine that waits for requests, has them answered and writes what comes. Of
// HTTP/1 it serves one after the other (connection_turn.cc); of HTTP/2 it moves the bytes of a
// session that serves many at a time (connection_http2.cc).
//
// All of it runs on the connection's strand. The coroutine sleeps in one place, next_event(); what
// happens meanwhile (the socket can be read or written, a part of the answer is there, time is up,
// the server ends) sets a flag and wakes it, and it looks at the flags. While it waits for a
// request it holds no buffer and no timer: a deadline is a number that the server looks at now and
// then (ConnectionTable::late).
//
// GCC 12 miscompiles a co_await in the condition of an "else if": there is none.
#pragma once

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "server/http/counters.h"
#include "server/http/http_server.h"
#include "server/http/message.h"
#include "server/http/pace.h"
#include "server/http/refusal.h"
#include "server/http/stream.h"

namespace accel::http {

using Clock = std::chrono::steady_clock;
using Executor = boost::asio::strand<boost::asio::io_context::executor_type>;
using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
template <class T>
using Task = boost::asio::awaitable<T, Executor>;
// What a coroutine waits to be called by.
using Sleeper =
    boost::asio::async_result<boost::asio::use_awaitable_t<Executor>, void()>::handler_type;

class Connection;

// Those that there are. Safe from any thread.
class ConnectionTable {
 public:
  void add(Connection& connection);
  void remove(Connection& connection);
  // Whose deadline has passed.
  std::vector<std::shared_ptr<Connection>> late(Clock::time_point now);
  std::vector<std::shared_ptr<Connection>> all();
  bool wait_until_empty(Clock::time_point until);

 private:
  template <class Predicate>
  std::vector<std::shared_ptr<Connection>> those(Predicate predicate);

  std::mutex mutex_;
  std::condition_variable emptied_;
  std::unordered_set<Connection*> connections_;  // guarded by mutex_
};

// What the connections of a server share; outlives them.
struct ServerState {
  HttpServerOptions options;
  Counters counters;
  std::atomic<bool> draining{false};
  ConnectionTable table;
};

// What is known of a connection when it is accepted.
struct Arrival {
  int fd = -1;  // does not block
  Handler* handler = nullptr;
  std::shared_ptr<const TlsSource> tls;
  std::string peer;
  bool loopback = false;
  bool turned_away = false;  // there are too many: it is told so and closed
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Owns the socket from now on.
  static void start(ServerState& state, const Executor& executor, Arrival arrival);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From any thread.
  bool is_late(Clock::time_point now) const;
  void post_late();   // looks whether its deadline has passed
  void post_drain();  // looks at ServerState::draining
  void post_end();    // ends at once

 private:
  enum class Wait { kReady, kLate, kGone };
  struct Turn;
  class Wake;
  class Idle;
  class Http2;

  Connection(ServerState& state, const Executor& executor, Arrival arrival);

  // --- what happens ---
  Task<void> next_event();
  void resume();
  void arm(Io io);
  void set_deadline(double seconds);  // from now
  void set_deadline_at(Clock::time_point at);
  void clear_deadline();

  // --- its life ---
  Task<void> run();
  Task<bool> shake_hands();
  Task<bool> wait_for_request();
  Task<void> leave();

  // --- what it asks the handler ---
  std::unique_ptr<Exchange> open(RequestHead head);  // null: none could be made
  Response refusal(const Refusal& why);

  // --- a request; false: the connection is to be closed ---
  Task<bool> serve_request();
  Task<bool> read_head(Turn& turn);
  void take_head(Turn& turn);
  void let_body_be(Turn& turn);
  Task<bool> take_body(Turn& turn);
  Task<Wait> read_body(Turn& turn, uint64_t limit, std::string& body);
  Task<Wait> read_known_length(Turn& turn, std::string& body);
  Task<Wait> read_chunks(Turn& turn, uint64_t limit, std::string& body);
  Task<bool> discard_body(uint64_t bytes);
  Task<bool> refuse_late(Turn& turn, Wait wait);

  // --- its answer ---
  void next_part(Turn& turn);
  Task<bool> answer(Turn& turn);
  Task<bool> finish(Turn& turn);
  void reset();
  Task<bool> wait_for_part(Turn& turn);
  bool client_left(Turn& turn);
  Task<bool> write_part(Turn& turn);
  Task<bool> refuse(Turn& turn, Refusal why);

  // --- HTTP/2 ---
  Task<bool> begins_http2();
  Task<void> serve_http2();

  // --- bytes ---
  Attempt read_some(std::span<char> into);
  Io fill();
  Task<Wait> read_more(Pace& pace);
  Task<Wait> wait_for(Io io);
  Task<Wait> wait_for(Io io, Pace& pace);
  Task<Wait> write_all(std::span<iovec> pieces, Pace& pace);

  ServerState& state_;
  Executor executor_;
  Arrival arrival_;
  Descriptor descriptor_;
  std::unique_ptr<Stream> stream_;
  std::optional<Sleeper> sleeper_;    // the coroutine, in next_event()
  std::atomic<int64_t> deadline_{0};  // of Clock, in its ticks; 0: none
  std::string input_;                 // read and not yet looked at
  uint64_t served_ = 0;
  bool readable_ = true;  // or it is not known
  bool writable_ = true;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool late_ = false;    // the deadline has passed
  bool ended_ = false;   // nothing more may be read or written
  bool linger_ = false;  // the client may still send what nobody reads
};

}  // namespace accel::http
