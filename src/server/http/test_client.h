// For the tests of this folder: a handler whose answers a test writes, and a client that blocks.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/http_server.h"

namespace accel::http {

constexpr std::chrono::seconds kPatience{60};  // for what is certain to happen

// Waits for a condition of another thread.
template <class Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// An answer whose parts a test gives from its own thread, also after the exchange has gone.
class Script {
 public:
  void give(Part part) {
    change([&] { parts_.push_back(std::move(part)); });
  }
  void end() {
    change([&] { ended_ = true; });
  }
  void fail() {
    change([&] { failing_ = true; });
  }
  void call_waker_again() {
    std::function<void()> waker;
    {
      const std::lock_guard lock(mutex_);
      waker = last_waker_;
    }
    if (waker) waker();
  }
  bool begun() const { return read(begun_); }
  bool destroyed() const { return read(destroyed_); }
  bool waited_for() const { return read(notified_); }
  std::string body() const { return read(body_); }
  size_t spare() const { return read(spare_); }

 private:
  friend class ScriptedExchange;
  template <class T>
  T read(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  template <class F>
  void change(F f) {
    std::function<void()> waker;
    {
      const std::lock_guard lock(mutex_);
      f();
      waker = std::exchange(waker_, nullptr);
    }
    if (waker) waker();
  }

  mutable std::mutex mutex_;
  std::vector<Part> parts_;
  std::function<void()> waker_, last_waker_;
  std::string body_;
  size_t spare_ = 0;
  bool ended_ = false, failing_ = false, begun_ = false, destroyed_ = false, notified_ = false;
};

class ScriptedExchange : public Exchange {
 public:
  ScriptedExchange(std::shared_ptr<Script> script, uint64_t most)
      : script_(std::move(script)), most_(most) {}
  ~ScriptedExchange() override {
    const std::lock_guard lock(script_->mutex_);
    script_->destroyed_ = true;
  }
  uint64_t body_bytes_max() const override { return most_; }
  void begin(std::string body) override {
    const std::lock_guard lock(script_->mutex_);
    script_->begun_ = true;
    script_->spare_ = body.capacity() - body.size();
    script_->body_ = std::move(body);
  }
  std::optional<Part> try_next() override {
    const std::lock_guard lock(script_->mutex_);
    if (script_->failing_) throw std::runtime_error("a bug");
    if (!script_->begun_ || script_->parts_.empty()) return std::nullopt;
    Part part = std::move(script_->parts_.front());
    script_->parts_.erase(script_->parts_.begin());
    return part;
  }
  bool ended() const override {
    const std::lock_guard lock(script_->mutex_);
    return script_->ended_ && script_->parts_.empty();
  }
  void notify(std::function<void()> waker) override {
    bool now = false;
    {
      const std::lock_guard lock(script_->mutex_);
      now = script_->ended_ || script_->failing_ || !script_->parts_.empty();
      script_->last_waker_ = waker;
      if (!now) script_->waker_ = waker;
      script_->notified_ = true;
    }
    if (now) waker();
  }

 private:
  std::shared_ptr<Script> script_;
  uint64_t most_;
};

// Answers with what it was asked, once the body is there.
class EchoExchange : public Exchange {
 public:
  EchoExchange(std::string what, uint64_t most) : what_(std::move(what)), most_(most) {}
  uint64_t body_bytes_max() const override { return most_; }
  void begin(std::string body) override {
    what_ += body;
    begun_ = true;
  }
  std::optional<Part> try_next() override {
    if (!begun_ || given_) return std::nullopt;
    given_ = true;
    return Part{.head = ResponseHead{.length = what_.size()}, .body = what_};
  }
  bool ended() const override { return given_; }
  void notify(std::function<void()> waker) override {
    if (begun_) waker();
  }

 private:
  std::string what_;
  uint64_t most_;
  bool begun_ = false, given_ = false;
};

// What its paths do:
//   /echo            "METHOD path?query" and the body
//   /hello           an answer without asking for the body
//   /script/NAME     what the test gives script(NAME)
//   /throw           an exception
//   /headers         headers that break lines
class TestHandler : public Handler {
 public:
  explicit TestHandler(uint64_t body_bytes_max = 1 << 20) : body_bytes_max_(body_bytes_max) {}

  std::unique_ptr<Exchange> open(RequestHead head) override {
    {
      const std::lock_guard lock(mutex_);
      heads_.push_back(head);
    }
    if (head.path.starts_with("/script/")) {
      return std::make_unique<ScriptedExchange>(script(head.path.substr(8)), body_bytes_max_);
    }
    if (head.path == "/throw") throw std::runtime_error("a bug");
    if (head.path == "/nothing") return nullptr;
    if (head.path == "/hello") return answer_with({.body = "hello\n"});
    if (head.path == "/headers") {
      return answer_with({.headers = {{"x-broken", std::string("a\r\nb: c\0d", 9)},
                                      {"x broken", "name"},
                                      {"content-length", "7"}},
                          .body = "x"});
    }
    return std::make_unique<EchoExchange>(head.method + " " + head.path + "?" + head.query + "\n",
                                          body_bytes_max_);
  }
  Response refuse(int status, const std::string& why) override {
    return {.status = status, .headers = {{"content-type", "text/plain"}}, .body = why};
  }

  std::shared_ptr<Script> script(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& found = scripts_[name];
    if (found == nullptr) found = std::make_shared<Script>();
    return found;
  }
  std::vector<RequestHead> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  const uint64_t body_bytes_max_;
  mutable std::mutex mutex_;
  std::vector<RequestHead> heads_;
  std::map<std::string, std::shared_ptr<Script>> scripts_;
};

struct Answer {
  int status = 0;
  std::string head;  // all of it, in lower case
  std::string body;
  bool whole = false;  // as long as its head says
  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

// Sends and receives bytes; the plain one by a socket.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual ssize_t send(std::string_view bytes) = 0;
  virtual ssize_t receive(char* into, size_t size) = 0;  // 0: the end; negative: broken
};

class Client : public Transport {
 public:
  explicit Client(uint16_t port, int fd = -1) : fd_(fd) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_to(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  Client(const std::string& address, uint16_t port) {  // of IPv6
    sockaddr_in6 six = {};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr);
    connect_to(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof(six));
  }
  explicit Client(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  ~Client() override { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  ssize_t send(std::string_view bytes) override {
    ssize_t sent = 0;
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return -1;
      sent += n;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return sent;
  }
  ssize_t receive(char* into, size_t size) override { return ::recv(fd_, into, size, 0); }

 private:
  void connect_to(int family, const sockaddr* address, socklen_t size) {
    if (fd_ < 0) fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience = {.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::connect(fd_, address, size) != 0) close();
  }
  int fd_ = -1;
};

// Reads answers, in order, off a transport.
class Reader {
 public:
  explicit Reader(Transport& transport) : transport_(transport) {}

  // The next answer; `to_head`: there is no body.
  Answer next(bool to_head = false) {
    Answer answer;
    size_t end = std::string::npos;
    while ((end = bytes_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return answer;
    }
    answer.head = bytes_.substr(0, end + 2);
    std::ranges::transform(answer.head, answer.head.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    bytes_.erase(0, end + 4);
    std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
    const bool empty = to_head || answer.status == 204 || answer.status == 304;
    if (empty || answer.status == 100) {
      answer.whole = true;
    } else if (answer.has("transfer-encoding: chunked")) {
      read_chunks(answer);
    } else if (const size_t at = answer.head.find("content-length: "); at != std::string::npos) {
      size_t length = 0;
      std::from_chars(answer.head.data() + at + 16, answer.head.data() + answer.head.size(),
                      length);
      answer.whole = take(length, answer.body);
    } else {
      while (more()) {
      }
      answer.body = std::exchange(bytes_, {});
      answer.whole = at_end_;
    }
    return answer;
  }
  // Whether the server closes without another byte.
  bool closed() {
    while (more()) {
    }
    return bytes_.empty() && at_end_;
  }
  // Likewise, or by a reset.
  bool ended() {
    while (more()) {
    }
    return bytes_.empty();
  }

 private:
  bool more() {
    char buffer[16384];
    const ssize_t n = transport_.receive(buffer, sizeof(buffer));
    if (n <= 0) {
      at_end_ = n == 0;
      return false;
    }
    bytes_.append(buffer, static_cast<size_t>(n));
    return true;
  }
  bool take(size_t size, std::string& into) {
    while (bytes_.size() < size && more()) {
    }
    const bool whole = bytes_.size() >= size;
    into += bytes_.substr(0, size);
    bytes_.erase(0, size);
    return whole;
  }
  void read_chunks(Answer& answer) {
    for (;;) {
      size_t line = std::string::npos;
      while ((line = bytes_.find("\r\n")) == std::string::npos) {
        if (!more()) return;
      }
      size_t size = 0;
      std::from_chars(bytes_.data(), bytes_.data() + line, size, 16);
      bytes_.erase(0, line + 2);
      std::string end;
      if (!take(size, answer.body) || !take(2, end) || end != "\r\n") return;
      answer.whole = size == 0;
      if (answer.whole) return;
    }
  }

  Transport& transport_;
  std::string bytes_;
  bool at_end_ = false;
};

// A request as clients write it.
inline std::string request(std::string_view method, std::string_view target,
                           std::string_view body = {}, std::string_view headers = {}) {
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: test\r\n").append(headers);
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text.append("\r\n").append(body);
}

// A server on a port of its own.
struct Served {
  explicit Served(HttpServerOptions options = {}, uint64_t body_bytes_max = 1 << 20,
                  std::shared_ptr<const TlsSource> tls = nullptr)
      : handler(body_bytes_max) {
    auto made = HttpServer::create(
        options, {{.address = "127.0.0.1", .handler = &handler, .tls = std::move(tls)}});
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    if (made.ok()) server = std::move(*made);
  }
  uint16_t port() const { return server->ports()[0]; }

  TestHandler handler;
  std::unique_ptr<HttpServer> server;
};

}  // namespace accel::http
