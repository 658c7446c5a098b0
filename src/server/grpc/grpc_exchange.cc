#include "server/grpc/grpc_exchange.h"

#include <atomic>
#include <deque>
#include <optional>
#include <utility>

#include "base/try.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_headers.h"

namespace accel::server::grpc {
namespace {

constexpr std::string_view kGrpcType = "application/grpc";
// Of one call: what is asked beyond waits with the client.
constexpr size_t kUnderWayMax = 32;
constexpr size_t kWaitingBytesMax = 1 << 20;

// A waker that several may call.
class SharedWaker {
 public:
  explicit SharedWaker(std::function<void()> waker) : waker_(std::move(waker)) {}
  void call() {
    if (!called_.exchange(true)) waker_();
  }

 private:
  const std::function<void()> waker_;
  std::atomic<bool> called_ = false;
};

class GrpcExchange : public http::Exchange {
 public:
  GrpcExchange(http::Coding coding, GrpcCall call)
      : call_(std::move(call)), reader_(coding, call_.message_bytes_max) {
    if (!many()) take_in();
  }

  uint64_t body_bytes_max() const override { return UINT64_MAX; }  // messages have their bound
  void begin(std::string body) override { more(body, /*last=*/true); }
  bool takes_stretches() const override { return true; }

  void more(std::string_view bytes, bool last) override {
    if (failure_ || ended_) return;
    reader_.add(bytes);
    input_ended_ = last;
    take_messages();
    if (waker_ != nullptr) std::exchange(waker_, nullptr)->call();
  }

  bool hungry() const override {
    if (failure_ || ended_ || !many()) return true;
    return open_.size() < kUnderWayMax || reader_.waiting() < kWaitingBytesMax;
  }

  std::optional<http::Part> try_next() override {
    while (!ended_ && !failure_ && !open_.empty()) {
      Open& first = open_.front();
      if (!first.part) first.part = first.exchange->try_next();
      if (first.part) return answer(*std::exchange(first.part, std::nullopt));
      if (!first.exchange->ended()) return std::nullopt;
      fail(internal_error("the message was not answered: the server's own fault"));
    }
    if (ended_) return std::nullopt;
    if (failure_) return end_call(*failure_);
    if (input_ended_ && open_.empty()) return end_call({});
    return std::nullopt;
  }

  bool ended() const override { return ended_; }

  void notify(std::function<void()> waker) override {
    const bool done = ended_ || failure_ || (open_.empty() && input_ended_);
    if (done || (!open_.empty() && open_.front().part)) return waker();
    const auto shared = std::make_shared<SharedWaker>(std::move(waker));
    waker_ = shared;
    if (!open_.empty() && open_.front().begun) {
      open_.front().exchange->notify([shared] { shared->call(); });
    }
  }

 private:
  struct Open {
    std::unique_ptr<http::Exchange> exchange;
    std::optional<http::Part> part;  // its first, where it was there without a message
    bool begun = false;              // it has its message, or needs none
  };

  bool many() const { return call_.error_message != nullptr; }

  void take_in() {
    Open open{.exchange = call_.open()};
    open.part = open.exchange->try_next();
    open.begun = open.part || open.exchange->ended();
    open_.push_back(std::move(open));
  }

  // Hands what has come whole to those who answer it.
  void take_messages() {
    while (!many() || open_.size() < kUnderWayMax) {
      if (!many() && (open_.empty() || open_.front().part)) return;  // it is refused already
      Result<std::optional<std::string>> message = reader_.next();
      if (!message.ok()) return fail(message.status());
      if (!*message) break;
      if (++messages_ > 1 && !many()) {
        return fail(invalid_argument("expected one message, found a second one"));
      }
      if (many()) take_in();
      if (!open_.back().begun) open_.back().exchange->begin(std::move(**message));
      open_.back().begun = true;
    }
    if (!input_ended_) return;
    if (!reader_.empty() && (!many() || open_.size() < kUnderWayMax)) {
      return fail(invalid_argument("expected a whole message, found the end of the call in it"));
    }
    if (messages_ == 0 && !many()) fail(invalid_argument("expected a message, found none"));
  }

  void fail(Status status) {
    failure_ = std::move(status);
    open_.clear();
  }

  void end_first() {
    open_.pop_front();
    if (many()) take_messages();
  }

  http::Part answer(http::Part part) {
    Open& first = open_.front();
    http::Part given;
    if (part.head) {
      const bool whole = part.head->length.has_value();
      if (part.head->status != 200) {
        const Status status = status_of(part.head->headers);
        if (!many()) return end_call(status, std::move(part.head->headers));
        part.body = call_.error_message(status);
      }
      if (whole) {
        append_message(part.body, given.body);
      } else {
        given.body = std::move(part.body);
      }
      add_head(std::move(part.head->headers), given);
    } else {
      given.body = std::move(part.body);
    }
    if (!first.exchange->ended()) return given;
    end_first();
    if (many()) return given;
    given.trailers = part.trailers.empty() ? status_headers({}) : std::move(part.trailers);
    ended_ = true;
    return given;
  }

  // Behind everything; where there is nothing yet, in place of it.
  http::Part end_call(const Status& status, http::Headers headers = {}) {
    http::Part last;
    std::erase_if(headers, [](const http::Header& one) { return one.name.starts_with("grpc-"); });
    const bool alone = !head_out_;
    add_head(std::move(headers), last);
    http::Headers told = status_headers(status);
    if (alone) {
      last.head->headers.insert(last.head->headers.end(), told.begin(), told.end());
    } else {
      last.trailers = std::move(told);
    }
    open_.clear();
    ended_ = true;
    return last;
  }

  void add_head(http::Headers headers, http::Part& part) {
    if (std::exchange(head_out_, true)) return;
    std::erase_if(headers, [](const http::Header& one) { return one.name == "content-type"; });
    headers.insert(headers.begin(), {"content-type", std::string(kGrpcType)});
    part.head = http::ResponseHead{.status = 200, .headers = std::move(headers)};
  }

  const GrpcCall call_;
  MessageReader reader_;
  std::deque<Open> open_;  // in the order of their messages
  std::shared_ptr<SharedWaker> waker_;
  std::optional<Status> failure_;  // of the call as a whole
  uint64_t messages_ = 0;
  bool input_ended_ = false;
  bool head_out_ = false;
  bool ended_ = false;
};

// A call that is refused before it begins.
class RefusedCall : public http::Exchange {
 public:
  explicit RefusedCall(const Status& status) {
    http::Headers headers = status_headers(status);
    headers.insert(headers.begin(), {"content-type", std::string(kGrpcType)});
    part_ = http::Part{.head = http::ResponseHead{.status = 200, .headers = std::move(headers)}};
  }
  uint64_t body_bytes_max() const override { return 0; }
  void begin(std::string) override {}
  std::optional<http::Part> try_next() override { return std::exchange(part_, std::nullopt); }
  bool ended() const override { return !part_; }
  void notify(std::function<void()> waker) override { waker(); }

 private:
  std::optional<http::Part> part_;
};

}  // namespace

std::unique_ptr<http::Exchange> make_grpc_exchange(const http::Headers& headers, GrpcCall call) {
  const auto coding = http::parse_coding(http::find(headers, "grpc-encoding"));
  if (!coding) {
    return std::make_unique<RefusedCall>(
        unimplemented("expected grpc-encoding to be gzip, deflate or identity, found another"));
  }
  return std::make_unique<GrpcExchange>(*coding, std::move(call));
}

bool is_grpc(const http::RequestHead& head) {
  const std::string_view type = http::find(head.headers, "content-type");
  if (!head.http2 || !type.starts_with(kGrpcType)) return false;
  return type.size() == kGrpcType.size() || type[kGrpcType.size()] == '+' ||
         type[kGrpcType.size()] == ';';
}

}  // namespace accel::server::grpc
