#include "server/http/http2_frames.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>
#include <vector>

namespace accel::http {
namespace {

constexpr unsigned char kHeadersFrame = NGHTTP2_HEADERS;
constexpr unsigned char kContinuationFrame = NGHTTP2_CONTINUATION;
// Compressed header blocks may be longer than what they say, but not by much.
constexpr uint64_t kBlockSlackBytes = 16 << 10;
// Answers, resets and acknowledgements that a client asks for without reading them.
constexpr size_t kWaitingFramesMax = 4096;
constexpr size_t kAcknowledgementsMax = 256;
// Of resets that nghttp2 lets through before it closes the connection by its own rule: the session
// has one (HttpServerOptions::http2_cancels_max), which knows what a reset has cost.
constexpr uint64_t kAnyNumber = UINT64_MAX;

std::string_view view(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

std::vector<nghttp2_nv> pairs_of(const Headers& headers) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(headers.size());
  for (const Header& header : headers) {
    pairs.push_back({.name = bytes_of(header.name),
                     .value = bytes_of(header.value),
                     .namelen = header.name.size(),
                     .valuelen = header.value.size(),
                     .flags = NGHTTP2_NV_FLAG_NONE});
  }
  return pairs;
}

void check(int code) {
  if (code == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

// Whose fault a code tells.
bool blames_client(uint32_t code) {
  return code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR &&
         code != NGHTTP2_REFUSED_STREAM && code != NGHTTP2_CANCEL;
}

}  // namespace

// --- where the bytes end -------------------------------------------------------------------------

void FrameWatch::feed(std::string_view bytes) {
  const size_t preface = std::min(preface_left_, bytes.size());
  preface_left_ -= preface;
  bytes.remove_prefix(preface);
  while (!bytes.empty()) {
    if (header_size_ < header_.size()) {
      header_[header_size_++] = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      if (header_size_ == header_.size()) begin_frame();
    } else {
      const size_t taken = std::min<size_t>(payload_left_, bytes.size());
      payload_left_ -= static_cast<uint32_t>(taken);
      if (in_block_) block_bytes_ += taken;
      bytes.remove_prefix(taken);
    }
    if (header_size_ == header_.size() && payload_left_ == 0) end_frame();
  }
}

void FrameWatch::begin_frame() {
  began_ = true;
  payload_left_ =
      static_cast<uint32_t>(header_[0]) << 16 | static_cast<uint32_t>(header_[1]) << 8 | header_[2];
  if (header_[3] != kHeadersFrame) return;
  in_block_ = true;
  ++blocks_;
  block_bytes_ = 0;
}

void FrameWatch::end_frame() {
  const bool of_block = header_[3] == kHeadersFrame || header_[3] == kContinuationFrame;
  if (of_block && (header_[4] & NGHTTP2_FLAG_END_HEADERS) != 0) in_block_ = false;
  header_size_ = 0;
}

// --- what nghttp2 calls --------------------------------------------------------------------------

// Exceptions of events must not pass through it: they end the connection.
struct Http2Frames::Callbacks {
  template <class F>
  static int guarded(F f) noexcept {
    try {
      f();
      return 0;
    } catch (...) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  static Http2Frames& of(void* data) { return *static_cast<Http2Frames*>(data); }

  static bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return guarded([&] {
      if (is_request(frame)) of(data).events_.begin_head(frame->hd.stream_id);
    });
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* data) {
    return guarded([&] {  // nobody asks for a request's trailers
      if (!is_request(frame)) return;
      of(data).events_.add_header(frame->hd.stream_id, view(name, name_size),
                                  view(value, value_size));
    });
  }
  static int received(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return guarded([&] {
      if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return;
      Http2Events& events = of(data).events_;
      if (is_request(frame)) events.end_head(frame->hd.stream_id);
      if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        events.end_request(frame->hd.stream_id);
      }
    });
  }
  static int chunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
                   void* data) {
    return guarded([&] { of(data).events_.add_body(stream, view(bytes, size)); });
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return guarded([&] {
      Http2Events& events = of(data).events_;
      switch (frame->hd.type) {
        case NGHTTP2_RST_STREAM:
          if (blames_client(frame->rst_stream.error_code)) events.blamed(frame->hd.stream_id);
          return;
        case NGHTTP2_GOAWAY:
          if (blames_client(frame->goaway.error_code)) events.blamed(0);
          return;
        case NGHTTP2_HEADERS: events.begun(frame->hd.stream_id); [[fallthrough]];
        case NGHTTP2_DATA:
          if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            events.answered(frame->hd.stream_id);
          }
          return;
        default: return;
      }
    });
  }
  static int stream_closed(nghttp2_session*, int32_t stream, uint32_t, void* data) {
    return guarded([&] { of(data).events_.closed(stream); });
  }

  static ssize_t read(nghttp2_session* session, int32_t stream, uint8_t*, size_t most,
                      uint32_t* flags, nghttp2_data_source*, void* data) {
    ssize_t bytes = 0;
    const int failed = guarded([&] {
      const Supply supply = of(data).events_.supply(stream, most);
      bytes = static_cast<ssize_t>(supply.bytes);
      if (supply.broken) {
        bytes = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      } else if (supply.bytes == 0 && !supply.last) {
        bytes = NGHTTP2_ERR_DEFERRED;
      }
      *flags = supply.bytes > 0 ? NGHTTP2_DATA_FLAG_NO_COPY : 0;
      if (!supply.last) return;
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (supply.trailers.empty()) return;
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const std::vector<nghttp2_nv> pairs = pairs_of(supply.trailers);
      check(nghttp2_submit_trailer(session, stream, pairs.data(), pairs.size()));
    });
    return failed != 0 ? failed : bytes;
  }
  static int write(nghttp2_session*, nghttp2_frame* frame, const uint8_t* header, size_t size,
                   nghttp2_data_source*, void* data) {
    Http2Frames& frames = of(data);
    if (frames.output_->size() >= frames.output_most_) return NGHTTP2_ERR_WOULDBLOCK;
    return guarded([&] {
      frames.output_->append(view(header, 9));
      frames.events_.take(frame->hd.stream_id, size, *frames.output_);
    });
  }

  static nghttp2_session* make(Http2Frames& frames) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    check(nghttp2_session_callbacks_new(&callbacks));
    const std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>
        callbacks_owner(callbacks, nghttp2_session_callbacks_del);
    check(nghttp2_option_new(&option));
    const std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)> option_owner(
        option, nghttp2_option_del);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, write);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);  // which would only weigh priorities
    nghttp2_option_set_max_outbound_ack(option, kAcknowledgementsMax);
    nghttp2_option_set_stream_reset_rate_limit(option, kAnyNumber, kAnyNumber);
    nghttp2_session* session = nullptr;
    check(nghttp2_session_server_new2(&session, callbacks, &frames, option));
    return session;
  }
};

// --- the frames ----------------------------------------------------------------------------------

void Http2Frames::Free::operator()(nghttp2_session* session) const { nghttp2_session_del(session); }

Http2Frames::Http2Frames(const Http2Settings& settings, Http2Events& events)
    : settings_(settings), events_(events), session_(Callbacks::make(*this)) {
  const auto header_bytes =
      static_cast<uint32_t>(std::min<uint64_t>(settings.header_bytes_max, UINT32_MAX));
  const nghttp2_settings_entry entries[] = {
      {.settings_id = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, .value = settings.streams_max},
      {.settings_id = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, .value = settings.stream_window},
      {.settings_id = NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, .value = header_bytes}};
  check(nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, entries, std::size(entries)));
  check(nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0,
                                              static_cast<int32_t>(settings.connection_window)));
}

Http2Frames::~Http2Frames() = default;

void Http2Frames::feed(std::string_view bytes) {
  if (broken_) return;
  watch_.feed(bytes);
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), bytes_of(bytes), bytes.size());
  if (taken < 0) {
    broken_ = true;
    events_.blamed(0);
    return;
  }
  if (watch_.block_bytes() > settings_.header_bytes_max + kBlockSlackBytes) terminate(Code::kCalm);
  const size_t waiting = nghttp2_session_get_outbound_queue_size(session_.get());
  if (waiting > kWaitingFramesMax + size_t{2} * settings_.streams_max) {
    broken_ = true;
    events_.blamed(0);
  }
}

void Http2Frames::pull(std::string& into, size_t most) {
  output_ = &into;
  output_most_ = most;
  while (!broken_ && into.size() < most) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) broken_ = true;
    if (size <= 0) break;
    into.append(view(bytes, static_cast<size_t>(size)));
  }
}

bool Http2Frames::over() const {
  return broken_ || (nghttp2_session_want_read(session_.get()) == 0 &&
                     nghttp2_session_want_write(session_.get()) == 0);
}

void Http2Frames::send_continue(int32_t stream) {
  const Headers head = {{.name = ":status", .value = "100"}};
  const std::vector<nghttp2_nv> pairs = pairs_of(head);
  check(nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, pairs.data(),
                               pairs.size(), nullptr));
}

void Http2Frames::send_head(int32_t stream, const Headers& head, bool end) {
  const std::vector<nghttp2_nv> pairs = pairs_of(head);
  const nghttp2_data_provider provider = {.source = {}, .read_callback = Callbacks::read};
  check(nghttp2_submit_response(session_.get(), stream, pairs.data(), pairs.size(),
                                end ? nullptr : &provider));
}

void Http2Frames::resume(int32_t stream) {
  check(nghttp2_session_resume_data(session_.get(), stream));
}

void Http2Frames::give_back(int32_t stream, size_t bytes) {
  if (bytes > 0) check(nghttp2_session_consume(session_.get(), stream, bytes));
}

void Http2Frames::reset(int32_t stream, Code code) {
  check(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream,
                                  static_cast<uint32_t>(code)));
}

void Http2Frames::leave() {
  if (std::exchange(leaving_, true)) return;
  check(nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_.get()),
                              NGHTTP2_NO_ERROR, nullptr, 0));
}

void Http2Frames::terminate(Code code) {
  leaving_ = true;
  check(nghttp2_session_terminate_session(session_.get(), static_cast<uint32_t>(code)));
}

}  // namespace accel::http
