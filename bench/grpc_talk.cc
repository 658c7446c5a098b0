#include <nghttp2/nghttp2.h>

#include <array>

#include "base/protobuf.h"
#include "talk.h"

namespace accel::bench {
namespace {

constexpr size_t kFrameBytes = 5;  // before a message
constexpr int32_t kWindow = 16 << 20;

std::string infer_request(const std::string& text) {
  WireWriter writer;
  writer.text(1, "default");
  writer.message(5, [&](WireWriter& input) {
    input.text(1, "text");
    input.text(2, "BYTES");
    input.packed(3, std::array<int64_t, 1>{1});
    input.message(5, [&](WireWriter& contents) { contents.text(8, text); });
  });
  const std::string message = writer.take();
  std::string body(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    body.push_back(static_cast<char>(message.size() >> shift));
  }
  return body + message;
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class GrpcTalk : public Talk {
 public:
  GrpcTalk() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
  }
  ~GrpcTalk() override { nghttp2_session_del(session_); }
  GrpcTalk(const GrpcTalk&) = delete;
  GrpcTalk& operator=(const GrpcTalk&) = delete;

  std::string ask(const std::string& text) override {
    body_ = infer_request(text);
    sent_ = 0;
    answer_.clear();
    closed_ = false;
    status_ = "none";
    const std::array headers{header(":method", "POST"),
                             header(":scheme", "http"),
                             header(":authority", "localhost"),
                             header(":path", "/inference.GRPCInferenceService/ModelInfer"),
                             header("content-type", "application/grpc"),
                             header("te", "trailers")};
    nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
    nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &provider, nullptr);
    std::string bytes;
    send(bytes);
    return bytes;
  }

  Result<std::optional<TalkAnswer>> hear(std::string_view bytes, std::string& reply) override {
    const auto taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (taken < 0) return unavailable(nghttp2_strerror(static_cast<int>(taken)));
    send(reply);
    if (!closed_) return std::optional<TalkAnswer>();
    if (status_ == "14" || status_ == "4") return std::optional(TalkAnswer{.refused = true});
    if (status_ != "0" || answer_.size() < kFrameBytes) {
      return unavailable("the server answered with the status " + status_);
    }
    return std::optional(TalkAnswer{.body = answer_.substr(kFrameBytes)});
  }

 private:
  static GrpcTalk& of(void* self) { return *static_cast<GrpcTalk*>(self); }
  static int on_data(nghttp2_session*, uint8_t, int32_t, const uint8_t* data, size_t size,
                     void* self) {
    of(self).answer_.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t size,
                       const uint8_t* value, size_t value_size, uint8_t, void* self) {
    const std::string_view found(reinterpret_cast<const char*>(name), size);
    if (found == "grpc-status") {
      of(self).status_.assign(reinterpret_cast<const char*>(value), value_size);
    }
    return 0;
  }
  static int on_close(nghttp2_session*, int32_t, uint32_t, void* self) {
    of(self).closed_ = true;
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* into, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    GrpcTalk& talk = of(source->ptr);
    const size_t count = talk.body_.copy(reinterpret_cast<char*>(into), size, talk.sent_);
    talk.sent_ += count;
    if (talk.sent_ == talk.body_.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
  void send(std::string& bytes) {
    const uint8_t* data = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &data)) > 0;) {
      bytes.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    }
  }

  nghttp2_session* session_ = nullptr;
  std::string body_;  // of the request
  size_t sent_ = 0;
  std::string answer_;
  std::string status_;
  bool closed_ = false;
};

}  // namespace

std::unique_ptr<Talk> make_grpc_talk() { return std::make_unique<GrpcTalk>(); }

}  // namespace accel::bench
