// Whatever a client sends behind its preface, in whatever pieces: memory is bounded, exchanges are
// called as they may be, and all of them end.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <utility>

#include "server/http/http2_session.h"

namespace {

using accel::http::Counters;
using accel::http::Exchange;
using accel::http::Http2Session;
using accel::http::Part;
using accel::http::RequestHead;

constexpr uint64_t kBodyBytes = 512;
constexpr size_t kSliceBytes = 4096;

// Gives back what it is given; by its path whole or in stretches, of which it takes every other.
class Mirror : public Exchange {
 public:
  Mirror(bool stretches, uint64_t& alive) : stretches_(stretches), alive_(alive) { ++alive_; }
  ~Mirror() override { --alive_; }
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  uint64_t body_bytes_max() const override { return kBodyBytes; }
  void begin(std::string body) override {
    if (stretches_ || begun_ || body.size() > kBodyBytes) std::abort();
    begun_ = true;
    parts_.push_back({.head = accel::http::ResponseHead{}, .body = std::move(body)});
    ended_ = true;
  }
  bool takes_stretches() const override { return stretches_; }
  void more(std::string_view bytes, bool last) override {
    if (!stretches_ || ended_ || !hungry_) std::abort();
    Part part = {.body = std::string(bytes)};
    if (!std::exchange(begun_, true)) part.head = accel::http::ResponseHead{};
    if (last) part.trailers = {{"end", "yes"}};
    parts_.push_back(std::move(part));
    hungry_ = bytes.size() % 2 == 0;
    ended_ = last;
    if (waker_) std::exchange(waker_, nullptr)();
  }
  bool hungry() const override { return hungry_; }
  std::optional<Part> try_next() override {
    hungry_ = true;
    if (parts_.empty()) return std::nullopt;
    Part part = std::move(parts_.front());
    parts_.erase(parts_.begin());
    return part;
  }
  bool ended() const override { return ended_ && parts_.empty(); }
  void notify(std::function<void()> waker) override { waker_ = std::move(waker); }

 private:
  const bool stretches_;
  uint64_t& alive_;
  bool begun_ = false;
  bool hungry_ = true;
  bool ended_ = false;
  std::vector<Part> parts_;
  std::function<void()> waker_;
};

class Host : public accel::http::Http2Host {
 public:
  std::unique_ptr<Exchange> open(RequestHead head) override {
    if (head.method.empty() || !head.path.starts_with('/') || !head.http2) std::abort();
    for (const auto& [name, value] : head.headers) {
      if (name.empty() ||
          (name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
        std::abort();
      }
    }
    if (head.path == "/none") return nullptr;
    if (head.path == "/at-once") return accel::http::answer_with({.body = "hello"});
    return std::make_unique<Mirror>(head.path == "/stretches", alive);
  }
  accel::http::Response refusal(const accel::http::Refusal& why) override {
    if (why.status < 400 || why.why.empty()) std::abort();
    return {.status = why.status, .headers = why.headers, .body = why.why};
  }
  std::function<void()> waker(int32_t stream) override {
    return [this, stream] { woken.insert(stream); };
  }

  uint64_t alive = 0;
  std::set<int32_t> woken;
};

// In pieces of so many bytes.
void serve(std::string_view bytes, size_t piece) {
  const accel::http::HttpServerOptions options = {
      .header_seconds_max = 2, .header_bytes_max = 1024, .http2_streams_max = 8};
  Counters counters;
  Host host;
  Http2Session::Time now(std::chrono::hours(1));
  {
    Http2Session session(options, counters, host, now);
    session.feed(accel::http::kHttp2Preface, now);
    while (!bytes.empty() && !session.over()) {
      session.feed(bytes.substr(0, piece), now);
      bytes.remove_prefix(std::min(piece, bytes.size()));
      for (const int32_t stream : std::exchange(host.woken, {})) session.woken(stream, now);
      std::string said;
      session.pull(said, kSliceBytes, now);
      if (host.alive > options.http2_streams_max) std::abort();
      if (said.size() > kSliceBytes + (32 << 10)) std::abort();
    }
    // Nobody waits for ever but those that take stretches.
    now += std::chrono::minutes(5);
    session.look(now);
    session.lose();
    if (host.alive != 0) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  serve(bytes, bytes.size() + 1);
  serve(bytes, data[0] + size_t{1});
  return 0;
}
