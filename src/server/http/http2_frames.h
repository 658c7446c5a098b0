// HTTP/2's frames, header compression and windows (RFC 9113, RFC 7541), by nghttp2: bytes in,
// events out, and the other way round. Knows neither sockets nor exchanges nor time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.h"

struct nghttp2_session;

namespace accel::http {

// What a client that speaks HTTP/2 sends first.
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Where within the frames of a client the bytes so far end.
class FrameWatch {
 public:
  void feed(std::string_view bytes);
  // Within a header block, or before the first frame.
  bool in_head() const { return !began_ || in_block_; }
  uint64_t blocks() const { return blocks_; }            // header blocks that have begun
  uint64_t block_bytes() const { return block_bytes_; }  // of the latest, compressed

 private:
  void begin_frame();
  void end_frame();

  size_t preface_left_ = kHttp2Preface.size();
  std::array<unsigned char, 9> header_ = {};
  size_t header_size_ = 0;     // of header_, so far
  uint32_t payload_left_ = 0;  // of a frame whose header is whole
  uint64_t blocks_ = 0;
  uint64_t block_bytes_ = 0;
  bool began_ = false;
  bool in_block_ = false;
};

// The next bytes of an answer's body.
struct Supply {
  bool broken = false;  // the stream is reset: the client shall not take it for whole
  bool last = false;    // nothing follows but the trailers
  size_t bytes = 0;     // Http2Events::take() gives them; 0 and not last: none is there now
  Headers trailers = {};
};

// What happens on streams. Called from within feed() and pull(), which they must not call.
class Http2Events {
 public:
  virtual ~Http2Events() = default;

  // --- a request ---
  virtual void begin_head(int32_t stream) = 0;
  virtual void add_header(int32_t stream, std::string_view name, std::string_view value) = 0;
  virtual void end_head(int32_t stream) = 0;
  // Its window is given back by Http2Frames::give_back().
  virtual void add_body(int32_t stream, std::string_view bytes) = 0;
  virtual void end_request(int32_t stream) = 0;

  // --- an answer ---
  // After send_head() and resume(): at most `most` bytes.
  virtual Supply supply(int32_t stream, size_t most) = 0;
  // Appends the bytes of the last supply(), and no others may be supplied until then.
  virtual void take(int32_t stream, size_t bytes, std::string& into) = 0;
  virtual void begun(int32_t stream) = 0;     // its head was sent
  virtual void answered(int32_t stream) = 0;  // its end was sent

  // --- ends ---
  // Of the request and the answer, or by the client's word.
  virtual void closed(int32_t stream) = 0;
  // The client broke the rules and was told so: the stream is reset; all are ended, of stream 0.
  virtual void blamed(int32_t stream) = 0;
};

struct Http2Settings {
  uint32_t streams_max = 0;       // at a time
  uint64_t header_bytes_max = 0;  // as RFC 9113, section 6.5.2, counts them
  uint32_t stream_window = 0;     // bytes that may come before some are given back
  uint32_t connection_window = 0;
};

class Http2Frames {
 public:
  enum class Code : uint32_t { kNone = 0, kInternal = 2, kCancel = 8, kCalm = 11 };

  // Throws std::bad_alloc.
  Http2Frames(const Http2Settings& settings, Http2Events& events);
  ~Http2Frames();
  Http2Frames(const Http2Frames&) = delete;
  Http2Frames& operator=(const Http2Frames&) = delete;

  void feed(std::string_view bytes);
  // Appends what is to be sent until `into` has at least `most` bytes, if there are so many.
  void pull(std::string& into, size_t most);
  // Whether all has been said: what pull() gave is to be sent, and the connection closed.
  bool over() const;
  const FrameWatch& watch() const { return watch_; }

  // --- from within events, too; a stream that is closed is ignored ---
  void send_continue(int32_t stream);
  // `end`: no body follows, or else supply() is asked for it. `head` begins with ":status".
  void send_head(int32_t stream, const Headers& head, bool end);
  void resume(int32_t stream);  // supply() has something
  void give_back(int32_t stream, size_t bytes);
  void reset(int32_t stream, Code code);
  void leave();               // lets no further streams begin
  void terminate(Code code);  // neither these nor others go on

 private:
  struct Callbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };

  const Http2Settings settings_;
  Http2Events& events_;
  std::unique_ptr<nghttp2_session, Free> session_;
  FrameWatch watch_;
  std::string* output_ = nullptr;  // of pull()
  size_t output_most_ = 0;
  bool leaving_ = false;
  bool broken_ = false;  // nothing more can be said
};

}  // namespace accel::http
