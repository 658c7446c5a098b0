// Clients of a server for `./dev bench serve`: many connections of one thread, each of which asks,
// waits for its answer and asks again, so that the clients take little of the machine from the
// server that is measured.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "line_protocol.h"
#include "talk.h"
#include "text_lines.h"

namespace accel::bench {
namespace {

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<Socket> connect_to(uint16_t port) {
  Socket made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.fd() < 0) return errno_status(errno, "creating", "a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_status(errno, "connecting to port", std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(made.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

// One client: what it waited for, and its own way to speak.
struct Client {
  bool busy = false;
  Socket socket;
  size_t next = 0;  // text that it asks for
  std::unique_ptr<Talk> talk;
  Clock::time_point asked;
};

class Callers {
 public:
  // `request` says how to speak, and to which port.
  Callers(const json& request, const std::vector<std::string>& texts)
      : request_(request), texts_(texts) {}

  // Each of `count` clients asks for the next text in turn until the time is over; what is under
  // way then is waited for.
  Result<json> run(int count, double seconds) {
    ACCEL_TRY(connect(count));
    const auto begin = Clock::now();
    for (Client& client : clients_) ACCEL_TRY(ask(client));
    while (under_way_ > 0) {
      ACCEL_TRY(hear_ready(kPatienceMs, seconds_since(begin) < seconds));
    }
    json found = figures(seconds_, seconds_since(begin));
    found["refused"] = refusals_.size();
    return found;
  }

  // Texts are asked for at random moments, so many a second on average, however long answers take:
  // by a client that has none under way, or another one.
  Result<json> offer(double per_sec, double seconds) {
    ACCEL_TRY(connect(0));
    std::mt19937 random(1);
    std::exponential_distribution<double> pause(per_sec);
    const auto begin = Clock::now();
    double next = pause(random);
    while (next < seconds || under_way_ > 0) {
      const double now = seconds_since(begin);
      if (next < seconds && next <= now) {
        ACCEL_ASSIGN(const size_t free, free_client());
        ACCEL_TRY(ask(clients_[free]));
        next += pause(random);
        continue;
      }
      const double left = next < seconds ? next - now : kPatienceMs / 1000.0;
      ACCEL_TRY(hear_ready(static_cast<int>(left * 1000), /*again=*/false));
    }
    json found = figures(seconds_, seconds);
    found["refused"] = figures(refusals_, seconds);
    found["clients"] = clients_.size();
    return found;
  }

  // The body of the answer to the first text.
  Result<std::string> first_answer() {
    ACCEL_TRY(connect(1));
    ACCEL_TRY(ask(clients_[0]));
    while (under_way_ > 0) ACCEL_TRY(hear(clients_[0], /*again=*/false));
    return last_answer_;
  }

 private:
  static constexpr int kPatienceMs = 120'000;

  Status connect(int count) {
    poll_ = Socket(::epoll_create1(EPOLL_CLOEXEC));
    clients_.clear();
    for (int i = 0; i < count; ++i) {
      ACCEL_TRY(add_client());
      clients_.back().next = static_cast<size_t>(i) * texts_.size() / static_cast<size_t>(count);
    }
    return {};
  }

  Status add_client() {
    Client& client = clients_.emplace_back();
    ACCEL_ASSIGN(client.socket, connect_to(request_.at("port").get<uint16_t>()));
    client.next = clients_.size() * 7;
    client.talk = request_.contains("target") ? make_http_talk(request_) : make_grpc_talk();
    epoll_event event{.events = EPOLLIN, .data = {.u64 = clients_.size() - 1}};
    ::epoll_ctl(poll_.fd(), EPOLL_CTL_ADD, client.socket.fd(), &event);
    return {};
  }

  Result<size_t> free_client() {
    const auto free = std::ranges::find_if(
        clients_, [](const Client& client) { return !client.busy && client.socket.fd() >= 0; });
    if (free != clients_.end()) return static_cast<size_t>(free - clients_.begin());
    ACCEL_TRY(add_client());
    return clients_.size() - 1;
  }

  // Waits for at most so long where the time is not up to the server.
  Status hear_ready(int milliseconds, bool again) {
    std::array<epoll_event, 64> events{};
    const int ready = ::epoll_wait(poll_.fd(), events.data(), events.size(), milliseconds);
    if (ready <= 0 && milliseconds >= kPatienceMs) {
      return unavailable("the server gave no answer within 120 s");
    }
    for (int i = 0; i < ready; ++i) {
      ACCEL_TRY(hear(clients_[events[static_cast<size_t>(i)].data.u64], again));
    }
    return {};
  }

  Status ask(Client& client) {
    const std::string bytes = client.talk->ask(texts_[client.next++ % texts_.size()]);
    client.asked = Clock::now();
    client.busy = true;
    ++under_way_;
    return write_all(client.socket.fd(), bytes, "the server");
  }

  Status hear(Client& client, bool again) {
    std::array<char, 65536> buffer;  // NOLINT: filled by the next line
    const ssize_t got = ::recv(client.socket.fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0 && !client.busy) {  // some servers close what has been idle for seconds
      client.socket = Socket();
      return {};
    }
    if (got <= 0) return unavailable("the server closed a connection");
    std::string reply;
    ACCEL_ASSIGN(std::optional<TalkAnswer> answer,
                 client.talk->hear({buffer.data(), static_cast<size_t>(got)}, reply));
    if (answer) {
      (answer->refused ? refusals_ : seconds_).push_back(seconds_since(client.asked));
      client.busy = false;
      --under_way_;
      last_answer_ = std::move(answer->body);
    }
    if (!reply.empty()) ACCEL_TRY(write_all(client.socket.fd(), reply, "the server"));
    if (!answer) return {};
    return again ? ask(client) : Status();
  }

  static json figures(std::vector<double>& seconds, double wall) {
    std::ranges::sort(seconds);
    const auto at = [&](double part) {
      const auto last = static_cast<double>(seconds.size()) - 1;
      return seconds.empty() ? 0 : 1000 * seconds[static_cast<size_t>(part * last)];
    };
    return {{"asked", seconds.size()},
            {"per_sec", static_cast<double>(seconds.size()) / wall},
            {"p50_ms", at(0.5)},
            {"p95_ms", at(0.95)}};
  }

  const json& request_;
  const std::vector<std::string>& texts_;
  std::vector<Client> clients_;
  Socket poll_;
  size_t under_way_ = 0;
  std::vector<double> seconds_;   // of answers
  std::vector<double> refusals_;  // likewise
  std::string last_answer_;
};

class HttpWorker {
 public:
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    if (action == "idle") return hold_idle(request);
    ACCEL_ASSIGN(const std::vector<std::string>* texts,
                 lines_.of(request.at("path").get<std::string>()));
    Callers callers(request, *texts);
    start = Clock::now();
    if (action == "clients") return callers.run(request.at("clients"), request.at("seconds"));
    if (action == "offer") return callers.offer(request.at("per_sec"), request.at("seconds"));
    if (action == "first") {
      ACCEL_ASSIGN(const std::string body, callers.first_answer());
      return json{{"body", request.contains("target") ? body : base64_of(body)}};
    }
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  // Connections that have asked once and stay open, until the next "idle".
  Result<json> hold_idle(const json& request) {
    idle_.clear();
    constexpr std::string_view kRequest = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (int i = 0; i < request.at("connections").get<int>(); ++i) {
      ACCEL_ASSIGN(Socket made, connect_to(request.at("port").get<uint16_t>()));
      ACCEL_TRY(write_all(made.fd(), kRequest, "the server"));
      std::array<char, 4096> buffer;  // NOLINT: filled by the next line
      if (::recv(made.fd(), buffer.data(), buffer.size(), 0) <= 0) {
        return unavailable(fmt::format("the server closed connection {}", i));
      }
      idle_.push_back(std::move(made));
    }
    return json{{"connections", idle_.size()}};
  }

  LineFiles lines_;
  std::vector<Socket> idle_;
};

}  // namespace
}  // namespace accel::bench

int main() {
  rlimit limit{};  // of open files: there are many clients
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  accel::bench::HttpWorker worker;
  accel::bench::answer_lines(worker);
}
