#include "server/http/http_server.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <latch>
#include <system_error>
#include <thread>

#include "base/try.h"
#include "server/http/connection.h"
#include "server/http/listening_socket.h"

namespace accel::http {
namespace {

namespace asio = boost::asio;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);
constexpr int kAcceptedAtOnce = 64;

// Connections need a descriptor each, and the limit that processes begin with is for select().
void raise_descriptor_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// How often deadlines are looked at: an eighth of the shortest.
Clock::duration sweep_period(const HttpServerOptions& options) {
  const double shortest =
      std::min({options.idle_seconds_max, options.header_seconds_max, options.grace_seconds, 4.0});
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::max(shortest / 8, 0.005)));
}

// Accepts for one listening socket, on its own strand.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(ServerState& state, asio::io_context& context, ListeningSocket socket,
           const Listener& listener)
      : state_(state),
        context_(context),
        executor_(asio::make_strand(context)),
        socket_(std::move(socket)),
        handler_(listener.handler),
        tls_(listener.tls),
        descriptor_(executor_, socket_.fd()),
        pause_(executor_) {}
  ~Acceptor() { close(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Once.
  void start() { wait(); }
  // From any thread; counts down when nothing more is accepted.
  void stop(std::latch& stopped) {
    asio::post(executor_, [self = shared_from_this(), &stopped] {
      self->close();
      stopped.count_down();
    });
  }

 private:
  void wait();
  void pause();
  bool accept_some();
  void welcome(Visitor visitor);
  void close() {
    if (descriptor_.is_open()) descriptor_.release();
    socket_.close();
    pause_.cancel();
  }

  ServerState& state_;
  asio::io_context& context_;
  Executor executor_;
  ListeningSocket socket_;
  Handler* handler_;
  std::shared_ptr<const TlsSource> tls_;
  Descriptor descriptor_;  // borrows the socket's
  Timer pause_;
};

void Acceptor::wait() {
  descriptor_.async_wait(Descriptor::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           if (!self->descriptor_.is_open()) return;
                           const bool fine = !error && self->accept_some();
                           fine ? self->wait() : self->pause();
                         });
}

void Acceptor::pause() {
  pause_.expires_after(kPauseWithoutDescriptors);
  pause_.async_wait([self = shared_from_this()](const boost::system::error_code&) {
    if (self->descriptor_.is_open()) self->wait();
  });
}

// False when it cannot be tried again at once.
bool Acceptor::accept_some() {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    Result<std::optional<Visitor>> visitor = socket_.accept();
    if (!visitor.ok()) return false;
    if (!visitor->has_value()) break;
    welcome(std::move(**visitor));
  }
  return true;
}

void Acceptor::welcome(Visitor visitor) {
  const size_t most = state_.options.connections_max;
  const uint64_t now = state_.counters.connections.load();
  ++state_.counters.accepted;
  if (now >= most) {
    ++state_.counters.refused;
    // Saying so takes a connection for a while, too.
    if (now >= most + most / 16 + 16) {
      ::close(visitor.fd);
      return;
    }
  }
  Connection::start(state_, asio::make_strand(context_),
                    {.fd = visitor.fd,
                     .handler = handler_,
                     .tls = tls_,
                     .peer = std::move(visitor.peer),
                     .loopback = visitor.loopback,
                     .turned_away = now >= most});
}

class AsioServer : public HttpServer {
 public:
  AsioServer(const HttpServerOptions& options, std::vector<ListeningSocket> sockets,
             const std::vector<Listener>& listeners);
  ~AsioServer() override;
  // The threads.
  Status start();

  std::vector<uint16_t> ports() const override { return ports_; }
  HttpCounts counts() const override;
  bool drain(double seconds) override;

 private:
  void stop_accepting();
  void run_thread();
  void sweep_later();

  ServerState state_;  // outlives what lies in the context
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Executor executor_;
  Timer sweep_timer_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::vector<uint16_t> ports_;
  std::vector<std::thread> threads_;
  bool sweeping_ = true;  // of executor_
};

AsioServer::AsioServer(const HttpServerOptions& options, std::vector<ListeningSocket> sockets,
                       const std::vector<Listener>& listeners)
    : state_{.options = options},
      context_(options.threads),
      work_(context_.get_executor()),
      executor_(asio::make_strand(context_)),
      sweep_timer_(executor_) {
  for (size_t i = 0; i < sockets.size(); ++i) {
    ports_.push_back(sockets[i].port());
    acceptors_.push_back(
        std::make_shared<Acceptor>(state_, context_, std::move(sockets[i]), listeners[i]));
  }
}

Status AsioServer::start() {
  try {
    for (int i = 0; i < state_.options.threads; ++i) {
      threads_.emplace_back([this] { run_thread(); });
    }
  } catch (const std::system_error& error) {
    acceptors_.clear();
    return resource_exhausted(
        fmt::format("cannot start {} threads for HTTP: {}", state_.options.threads, error.what()));
  }
  for (const auto& acceptor : acceptors_) acceptor->start();
  sweep_later();
  return {};
}

void AsioServer::run_thread() {
  ::pthread_setname_np(::pthread_self(), "http");
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);  // TLS writes by write(): stream.h
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    try {
      context_.run();
      return;
    } catch (...) {
      continue;  // memory is short: what threw has ended, the others go on
    }
  }
}

void AsioServer::sweep_later() {
  sweep_timer_.expires_after(sweep_period(state_.options));
  sweep_timer_.async_wait([this](const boost::system::error_code&) {
    if (!sweeping_) return;
    for (const auto& connection : state_.table.late(Clock::now())) connection->post_late();
    sweep_later();
  });
}

void AsioServer::stop_accepting() {
  std::latch stopped(static_cast<std::ptrdiff_t>(acceptors_.size()));
  for (const auto& acceptor : acceptors_) acceptor->stop(stopped);
  stopped.wait();
}

bool AsioServer::drain(double seconds) {
  const Clock::time_point until =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e9)));
  state_.draining = true;
  stop_accepting();
  for (const auto& connection : state_.table.all()) connection->post_drain();
  return state_.table.wait_until_empty(until);
}

HttpCounts AsioServer::counts() const {
  const Counters& now = state_.counters;
  return {.connections = now.connections,
          .connections_idle = now.connections_idle,
          .accepted = now.accepted,
          .refused = now.refused,
          .requests = now.requests,
          .malformed = now.malformed,
          .timeouts = now.timeouts,
          .abandoned = now.abandoned,
          .bytes_in = now.bytes_in,
          .bytes_out = now.bytes_out};
}

AsioServer::~AsioServer() {
  stop_accepting();
  for (const auto& connection : state_.table.all()) connection->post_end();
  asio::post(executor_, [this] {
    sweeping_ = false;
    sweep_timer_.cancel();
  });
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(const HttpServerOptions& options,
                                                       std::vector<Listener> listeners) {
  std::vector<ListeningSocket> sockets;
  for (const Listener& listener : listeners) {
    ACCEL_ASSIGN(ListeningSocket socket, ListeningSocket::open(listener));
    sockets.push_back(std::move(socket));
    if (listener.handler == nullptr) return invalid_argument("expected a handler, found none");
  }
  if (options.threads < 1) {
    return invalid_argument(
        fmt::format("expected at least one thread for HTTP, found {}", options.threads));
  }
  raise_descriptor_limit();
  try {
    auto server = std::make_unique<AsioServer>(options, std::move(sockets), listeners);
    ACCEL_TRY(server->start());
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const boost::system::system_error& error) {
    return resource_exhausted(fmt::format("cannot serve HTTP: {}", error.what()));
  }
}

}  // namespace accel::http
