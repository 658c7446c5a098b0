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
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "line_protocol.h"
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

// How long a whole answer is that begins with `text`; 0: its head is not there yet. All answers of
// these servers say their length.
size_t answer_size(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::string head(text.substr(0, end + 2));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view kName = "\r\ncontent-length: ";
  const size_t at = head.find(kName);
  size_t length = 0;
  if (at != std::string::npos) {
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  }
  return end + 4 + length;
}

// One client: what it asks next, what it has of the answer, and what it waited.
struct Client {
  Socket socket;
  size_t next = 0;
  std::string answer;
  Clock::time_point asked;
};

// How requests are made of texts.
struct Form {
  uint16_t port = 0;
  std::string target;
  std::string before;  // the text as a JSON string stands between these
  std::string after;

  explicit Form(const json& request)
      : port(request.at("port").get<uint16_t>()),
        target(request.at("target").get<std::string>()),
        before(request.at("before").get<std::string>()),
        after(request.at("after").get<std::string>()) {}

  std::string bytes(const std::string& text) const {
    const std::string body = before + json_quote(text) + after;
    return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: {}\r\n\r\n{}",
                       target, body.size(), body);
  }
};

class Callers {
 public:
  Callers(const Form& form, const std::vector<std::string>& texts) : port_(form.port) {
    for (const std::string& text : texts) requests_.push_back(form.bytes(text));
  }

  // Each of `count` clients asks for the next text in turn until the time is over; what is under
  // way then is waited for.
  Result<json> run(int count, double seconds) {
    ACCEL_TRY(connect(count));
    const auto begin = Clock::now();
    for (Client& client : clients_) ACCEL_TRY(ask(client));
    while (under_way_ > 0) {
      std::array<epoll_event, 64> events{};
      const int ready = ::epoll_wait(poll_.fd(), events.data(), events.size(), 30'000);
      if (ready <= 0) return unavailable("the server gave no answer within 30 s");
      for (int i = 0; i < ready; ++i) {
        Client& client = clients_[events[static_cast<size_t>(i)].data.u64];
        ACCEL_TRY(hear(client, seconds_since(begin) < seconds));
      }
    }
    return figures(seconds_since(begin));
  }

  // The body of the answer to the first text.
  Result<std::string> first_answer() {
    ACCEL_TRY(connect(1));
    ACCEL_TRY(ask(clients_[0]));
    while (under_way_ > 0) ACCEL_TRY(hear(clients_[0], /*again=*/false));
    return last_answer_.substr(last_answer_.find("\r\n\r\n") + 4);
  }

 private:
  Status connect(int count) {
    poll_ = Socket(::epoll_create1(EPOLL_CLOEXEC));
    clients_ = std::vector<Client>(static_cast<size_t>(count));
    for (size_t i = 0; i < clients_.size(); ++i) {
      ACCEL_ASSIGN(clients_[i].socket, connect_to(port_));
      clients_[i].next = i * requests_.size() / clients_.size();
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(poll_.fd(), EPOLL_CTL_ADD, clients_[i].socket.fd(), &event);
    }
    return {};
  }

  Status ask(Client& client) {
    const std::string& request = requests_[client.next++ % requests_.size()];
    client.answer.clear();
    client.asked = Clock::now();
    ++under_way_;
    return write_all(client.socket.fd(), request, "the server");
  }

  Status hear(Client& client, bool again) {
    std::array<char, 65536> buffer;  // NOLINT: filled by the next line
    const ssize_t got = ::recv(client.socket.fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return unavailable("the server closed a connection");
    client.answer.append(buffer.data(), static_cast<size_t>(got));
    const size_t size = answer_size(client.answer);
    if (size == 0 || client.answer.size() < size) return {};
    if (!client.answer.starts_with("HTTP/1.1 200 ")) {
      return unavailable("the server answered " + client.answer.substr(0, 500));
    }
    seconds_.push_back(seconds_since(client.asked));
    --under_way_;
    last_answer_ = client.answer;
    return again ? ask(client) : Status();
  }

  json figures(double wall) {
    std::ranges::sort(seconds_);
    const auto at = [&](double part) {
      return 1000 * seconds_[static_cast<size_t>(part * static_cast<double>(seconds_.size() - 1))];
    };
    return {{"asked", seconds_.size()},
            {"per_sec", static_cast<double>(seconds_.size()) / wall},
            {"p50_ms", at(0.5)},
            {"p95_ms", at(0.95)}};
  }

  const uint16_t port_;
  std::vector<std::string> requests_;
  std::vector<Client> clients_;
  Socket poll_;
  size_t under_way_ = 0;
  std::vector<double> seconds_;
  std::string last_answer_;
};

class HttpWorker {
 public:
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    if (action == "idle") return hold_idle(request);
    ACCEL_ASSIGN(const std::vector<std::string>* texts,
                 lines_.of(request.at("path").get<std::string>()));
    Callers callers(Form(request), *texts);
    start = Clock::now();
    if (action == "clients") return callers.run(request.at("clients"), request.at("seconds"));
    if (action == "first") {
      ACCEL_ASSIGN(std::string body, callers.first_answer());
      return json{{"body", std::move(body)}};
    }
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  // Connections that have asked once and stay open, until the next "idle".
  Result<json> hold_idle(const json& request) {
    idle_.clear();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
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
  accel::bench::HttpWorker worker;
  accel::bench::answer_lines(worker);
}
