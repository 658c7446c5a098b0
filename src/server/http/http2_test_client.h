// For the tests of this folder: a client that speaks HTTP/2 by nghttp2, over any bytes, and an
// exchange that takes its body in stretches.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/test_client.h"

namespace accel::http {

// Takes its body as it comes, and answers as a test says. The session calls it from one thread.
struct Stretches {
  std::string body;  // of more(), so far
  bool last = false;
  bool hungry = true;
  bool destroyed = false;
  std::vector<Part> parts;
  bool ended = false;
  std::function<void()> waker;
};

class StretchExchange : public Exchange {
 public:
  explicit StretchExchange(std::shared_ptr<Stretches> state) : state_(std::move(state)) {}
  ~StretchExchange() override { state_->destroyed = true; }
  uint64_t body_bytes_max() const override { return 0; }
  void begin(std::string) override { ADD_FAILURE() << "expected more()"; }
  bool takes_stretches() const override { return true; }
  void more(std::string_view bytes, bool last) override {
    EXPECT_TRUE(state_->hungry && !state_->last);
    state_->body += bytes;
    state_->last = last;
  }
  bool hungry() const override { return state_->hungry; }
  std::optional<Part> try_next() override {
    if (state_->parts.empty()) return std::nullopt;
    Part part = std::move(state_->parts.front());
    state_->parts.erase(state_->parts.begin());
    return part;
  }
  bool ended() const override { return state_->ended && state_->parts.empty(); }
  void notify(std::function<void()> waker) override { state_->waker = std::move(waker); }

 private:
  std::shared_ptr<Stretches> state_;
};

struct Http2Answer {
  int status = 0;
  Headers headers, trailers;
  std::string body;
  bool continued = false;  // "100" came
  bool headers_ended = false;
  bool ended = false;             // by END_STREAM
  std::optional<uint32_t> reset;  // by RST_STREAM, with this code
  bool done() const { return ended || reset; }
};

class Http2Client {
 public:
  struct Options {
    uint32_t window = 1 << 20;  // of each stream and of the connection
    bool consumes = true;       // gives back the window of what came
  };

  Http2Client() : Http2Client(Options()) {}
  explicit Http2Client(Options options) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, options.consumes ? 0 : 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1 << 20);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                          static_cast<int32_t>(options.window));
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // A request; without a body it has none.
  int32_t ask(std::string_view method, std::string_view path,
              std::optional<std::string> body = std::nullopt, const Headers& more = {}) {
    return ask_open(method, path, std::move(body), true, more);
  }
  // One whose body goes on by send() where it does not `end`.
  int32_t ask_open(std::string_view method, std::string_view path, std::optional<std::string> body,
                   bool end, const Headers& more = {}) {
    Headers fields = {{":method", std::string(method)},
                      {":scheme", "http"},
                      {":path", std::string(path)},
                      {":authority", "test"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return ask_fields(fields, std::move(body), end);
  }
  int32_t ask_fields(const Headers& fields, std::optional<std::string> body, bool end = true) {
    std::vector<nghttp2_nv> pairs;
    for (const auto& [name, value] : fields) {
      pairs.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), 0});
    }
    auto sent = std::make_unique<Body>();
    sent->bytes = body.value_or("");
    sent->end = end;
    const nghttp2_data_provider provider = {{.ptr = sent.get()}, read};
    const int32_t stream = nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(),
                                                  body || !end ? &provider : nullptr, nullptr);
    bodies_[stream] = std::move(sent);
    return stream;
  }
  void send(int32_t stream, std::string_view bytes, bool end) {
    bodies_[stream]->bytes += bytes;
    bodies_[stream]->end = end;
    nghttp2_session_resume_data(session_, stream);
  }
  void reset(int32_t stream, uint32_t code = NGHTTP2_CANCEL) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, code);
  }
  void ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }
  void consume(int32_t stream, size_t bytes) { nghttp2_session_consume(session_, stream, bytes); }
  size_t unsent(int32_t stream) { return bodies_[stream]->left(); }

  const Http2Answer& answer(int32_t stream) { return answers_[stream]; }
  std::optional<uint32_t> goaway() const { return goaway_; }

  // What it says, and what it is told.
  std::string take() {
    std::string bytes;
    for (;;) {
      const uint8_t* some = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &some);
      if (size <= 0) return bytes;
      bytes.append(reinterpret_cast<const char*>(some), static_cast<size_t>(size));
    }
  }
  void feed(std::string_view bytes) {
    const ssize_t taken = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
    EXPECT_EQ(taken, static_cast<ssize_t>(bytes.size()));
  }

  // --- over a transport that blocks ---

  // Until the condition holds; false: the server has closed.
  template <class Condition>
  bool talk(Transport& transport, Condition condition) {
    while (!condition()) {
      if (!say(transport)) return false;
      char bytes[16384];
      const ssize_t got = transport.receive(bytes, sizeof(bytes));
      if (got <= 0) return condition();
      feed({bytes, static_cast<size_t>(got)});
    }
    return true;
  }
  bool say(Transport& transport) {
    const std::string bytes = take();
    return bytes.empty() || transport.send(bytes) == static_cast<ssize_t>(bytes.size());
  }
  // Until the answer is there.
  const Http2Answer& wait(Transport& transport, int32_t stream) {
    talk(transport, [&] { return answer(stream).done(); });
    return answer(stream);
  }

 private:
  struct Body {
    std::string bytes;
    size_t sent = 0;
    bool end = true;
    size_t left() const { return bytes.size() - sent; }
  };
  static uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }
  static Http2Client& of(void* data) { return *static_cast<Http2Client*>(data); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* data) {
    Http2Answer& answer = of(data).answers_[frame->hd.stream_id];
    const Header header = {std::string(reinterpret_cast<const char*>(name), name_size),
                           std::string(reinterpret_cast<const char*>(value), value_size)};
    if (header.name == ":status" && header.value == "100") {
      answer.continued = true;
    } else if (header.name == ":status") {
      answer.status = std::stoi(header.value);
    } else {
      const bool trailers = answer.headers_ended;
      (trailers ? answer.trailers : answer.headers).push_back(header);
    }
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
                     void* data) {
    of(data).answers_[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    Http2Client& client = of(data);
    Http2Answer& answer = client.answers_[frame->hd.stream_id];
    switch (frame->hd.type) {
      case NGHTTP2_RST_STREAM: answer.reset = frame->rst_stream.error_code; break;
      case NGHTTP2_GOAWAY: client.goaway_ = frame->goaway.error_code; break;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        answer.headers_ended = answer.status != 0;
        answer.ended = answer.ended || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        break;
      default: break;
    }
    return 0;
  }
  static ssize_t read(nghttp2_session*, int32_t, uint8_t* into, size_t most, uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    Body& body = *static_cast<Body*>(source->ptr);
    const size_t size = std::min(most, body.left());
    if (size == 0 && !body.end) return NGHTTP2_ERR_DEFERRED;
    body.bytes.copy(reinterpret_cast<char*>(into), size, body.sent);
    body.sent += size;
    if (body.left() == 0 && body.end) *flags = NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::unique_ptr<Body>> bodies_;
  std::map<int32_t, Http2Answer> answers_;
  std::optional<uint32_t> goaway_;
};

}  // namespace accel::http
