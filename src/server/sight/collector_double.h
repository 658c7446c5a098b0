// For tests: a collector of traces on a port of this machine, which answers as it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace accel::server {

class CollectorDouble {
 public:
  struct Answer {
    int code = 200;
    std::string body = "{}";
  };

  CollectorDouble() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
    if (::listen(listener_, 8) != 0) std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ::ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~CollectorDouble() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      came_.notify_all();
    }
    thread_.join();
    ::close(listener_);
  }
  CollectorDouble(const CollectorDouble&) = delete;
  CollectorDouble& operator=(const CollectorDouble&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // For the next request, and those after it.
  void answer_with(std::vector<Answer> answers) {
    const std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
    next_ = 0;
    came_.notify_all();
  }
  // Requests are read and not answered, until answer_with().
  void fall_silent() { answer_with({}); }

  // The first `count` requests, head and body, once they came.
  std::vector<std::string> requests(size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::seconds(60), [&] { return requests_.size() >= count; });
    return requests_;
  }

 private:
  // False when it ends.
  bool readable(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&one, 1, 10) == 0) {
      const std::lock_guard lock(mutex_);
      if (ending_) return false;
    }
    return true;
  }

  void serve() {
    while (readable(listener_)) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      std::string bytes;
      while (fd >= 0 && read_request(fd, bytes)) {
      }
      ::close(fd);
    }
  }

  // One request off the front of `bytes`, and its answer. False when the client has gone.
  bool read_request(int fd, std::string& bytes) {
    const auto whole = [&]() -> size_t {
      const size_t head = bytes.find("\r\n\r\n");
      const size_t length = bytes.find("Content-Length: ");
      if (head == std::string::npos || length == std::string::npos) return 0;
      const size_t size = head + 4 + std::stoul(bytes.substr(length + 16));
      return bytes.size() >= size ? size : 0;
    };
    while (whole() == 0) {
      std::array<char, 65536> part{};
      if (!readable(fd)) return false;
      const ssize_t count = ::recv(fd, part.data(), part.size(), 0);
      if (count <= 0) return false;
      bytes.append(part.data(), static_cast<size_t>(count));
    }
    std::unique_lock lock(mutex_);
    requests_.push_back(bytes.substr(0, whole()));
    bytes.erase(0, whole());
    came_.notify_all();
    came_.wait(lock, [&] { return ending_ || !answers_.empty(); });
    if (answers_.empty()) return false;
    const Answer& answer = answers_[std::min(next_++, answers_.size() - 1)];
    const std::string text = "HTTP/1.1 " + std::to_string(answer.code) +
                             " Said\r\nContent-Length: " + std::to_string(answer.body.size()) +
                             "\r\n\r\n" + answer.body;
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0;
  }

  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<Answer> answers_{Answer{}};
  size_t next_ = 0;
  std::vector<std::string> requests_;
  bool ending_ = false;
  std::condition_variable came_;
  std::thread thread_;
};

}  // namespace accel::server
