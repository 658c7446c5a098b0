#include "server/http/http2_session.h"

#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "server/http/answer_head.h"
#include "server/http/http2_head.h"
#include "server/http/pace.h"
#include "server/http/request_body.h"

namespace accel::http {
namespace {

constexpr double kCancelsRegainSeconds = 30;  // all of HttpServerOptions::http2_cancels_max

Http2Settings settings_of(const HttpServerOptions& options) {
  return {.streams_max = options.http2_streams_max,
          .header_bytes_max = options.header_bytes_max,
          .stream_window = Http2Session::kStreamWindow,
          .connection_window = Http2Session::kConnectionWindow};
}

}  // namespace

// One request and its answer.
struct Http2Session::Stream {
  // What becomes of the client's bytes.
  enum class Input {
    kHead,
    kWhole,      // they are gathered for begin()
    kStretches,  // they are handed to more()
    kDropped,    // nobody wants them
    kDone,       // none come any more
  };

  Stream(int32_t number, const HttpServerOptions& options)
      : id(number),
        head(std::make_unique<Http2Head>(options.header_bytes_max)),
        body_pace(options),
        answer_pace(options) {}

  const int32_t id;
  Input input = Input::kHead;
  std::unique_ptr<Http2Head> head;  // of kHead
  std::unique_ptr<Exchange> exchange;
  std::string body;         // of kWhole; of kStretches what is not handed on yet
  BodyRule rule;            // of kWhole
  uint64_t length = 0;      // of kWhole, as the client says
  bool body_ended = false;  // of kStretches: behind `body` nothing follows
  Pace body_pace;           // of kWhole
  Time body_since;

  std::optional<Part> part;  // what is being sent
  size_t part_taken = 0;     // of its body
  Headers trailers;
  bool to_head = false;
  bool ended = false;      // no further part comes
  bool broken = false;     // the exchange has thrown
  bool head_sent = false;  // to the frames
  bool begun = false;      // to the client
  Framing framing = Framing::kNone;
  uint64_t answer_length = 0;  // of Framing::kLength
  uint64_t answer_sent = 0;    // of the body
  Pace answer_pace;
  Time answer_since;  // something waits to be sent

  bool has_output() const { return part || ended; }
  size_t part_left() const {
    const size_t left = part->body.size() - part_taken;
    if (framing != Framing::kLength) return left;
    return static_cast<size_t>(std::min<uint64_t>(left, answer_length - answer_sent));
  }
  // Calls the exchange.
  template <class F>
  void attempt(F f) {
    try {
      f();
    } catch (...) {
      broken = true;
    }
  }
};

Http2Session::Http2Session(const HttpServerOptions& options, Counters& counters, Http2Host& host,
                           Time now)
    : options_(options),
      counters_(counters),
      host_(host),
      frames_(settings_of(options), *this),
      now_(now),
      cancels_left_(options.http2_cancels_max),
      cancels_at_(now) {
  head_due_ = later(options.header_seconds_max);
  await_streams();
}

Http2Session::~Http2Session() = default;

void Http2Session::feed(std::string_view bytes, Time now) {
  now_ = now;
  if (!deaf_) frames_.feed(bytes);
  if (deaf_) return;
  const FrameWatch& watch = frames_.watch();
  if (!watch.in_head()) {
    head_due_ = Time::max();
  } else if (head_due_ == Time::max() || watch.blocks() != heads_) {
    head_due_ = later(options_.header_seconds_max);
  }
  heads_ = watch.blocks();
}

void Http2Session::woken(int32_t id, Time now) {
  now_ = now;
  Stream* stream = find(id);
  if (stream == nullptr || stream->input == Stream::Input::kWhole) return;
  hand_on(*stream);
  if (stream->broken) {
    fail(*stream);
  } else if (stream->head_sent) {
    frames_.resume(id);
  } else {
    advance(*stream);
  }
}

void Http2Session::pull(std::string& into, size_t most, Time now) {
  now_ = now;
  frames_.pull(into, most);
}

void Http2Session::drain(Time now) {
  now_ = now;
  if (std::exchange(leaving_, true)) return;
  frames_.leave();
  if (idle()) await_streams();
}

void Http2Session::turn_away(Time now) {
  now_ = now;
  terminate();
}

void Http2Session::lose() {
  const auto lost = std::exchange(streams_, {});
  for (const auto& [id, stream] : lost) counters_.abandoned += stream->exchange != nullptr ? 1 : 0;
  held_ = 0;
  await_streams();
}

// --- a request -----------------------------------------------------------------------------------

void Http2Session::begin_head(int32_t id) {
  streams_.try_emplace(id, std::make_unique<Stream>(id, options_));
  idle_due_ = Time::max();
}

void Http2Session::add_header(int32_t id, std::string_view name, std::string_view value) {
  Stream* stream = find(id);
  if (stream != nullptr && stream->head != nullptr) stream->head->add(name, value);
}

void Http2Session::end_head(int32_t id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->head == nullptr) return;
  const std::unique_ptr<Http2Head> fields = std::move(stream->head);
  RequestHead head;
  const Refusal why = fields->finish(head);
  stream->input = Stream::Input::kDropped;
  stream->to_head = head.method == "HEAD";
  if (why.status != 0) return refuse(*stream, why);
  open(*stream, std::move(head), fields->wants_continue());
}

void Http2Session::open(Stream& stream, RequestHead head, bool wants_continue) {
  ++counters_.requests;
  ++requests_;
  if (requests_ == options_.requests_per_connection_max) drain(now_);
  const std::string content_encoding = joined_values(head.headers, "content-encoding");
  stream.length = head.content_length.value_or(0);
  stream.exchange = host_.open(std::move(head));
  if (stream.exchange == nullptr) {
    return refuse(stream,
                  {.status = 500, .why = "the server could not take this request: its own fault"});
  }
  next_part(stream);
  if (stream.has_output() || stream.broken) return settle(stream);
  bool stretches = false;
  Refusal why;
  stream.attempt([&] {
    stretches = stream.exchange->takes_stretches();
    if (!stretches) why = find_rule(*stream.exchange, content_encoding, stream.length, stream.rule);
  });
  if (stream.broken) return fail(stream);
  if (why.status != 0) return refuse(stream, why);
  if (wants_continue) frames_.send_continue(stream.id);
  if (stretches) {
    stream.input = Stream::Input::kStretches;
    return ask(stream);
  }
  stream.input = Stream::Input::kWhole;
  stream.body_since = now_;
  look_within_grace();
}

void Http2Session::add_body(int32_t id, std::string_view bytes) {
  Stream* stream = find(id);
  const bool held = stream != nullptr && stream->input == Stream::Input::kStretches;
  if (held) return add_stretch(*stream, bytes);
  frames_.give_back(id, bytes.size());
  if (stream == nullptr || stream->input != Stream::Input::kWhole) return;
  std::string& body = stream->body;
  stream->body_pace.bytes += bytes.size();
  if (bytes.size() > stream->rule.bytes_max - body.size()) {
    return refuse(*stream, too_long(stream->rule.bytes_max, body.size() + bytes.size()));
  }
  make_body_room(body, body.size() + bytes.size(), stream->length);
  body += bytes;
}

void Http2Session::add_stretch(Stream& stream, std::string_view bytes) {
  bool taken = false;
  if (stream.body.empty()) {
    stream.attempt([&] {
      if (!stream.exchange->hungry()) return;
      stream.exchange->more(bytes, false);
      taken = true;
    });
  }
  if (taken || stream.broken) {
    frames_.give_back(stream.id, bytes.size());
  } else {
    stream.body += bytes;
    held_ += bytes.size();
  }
  if (stream.broken) fail(stream);
}

// What is held of a stretch, if it is wanted by now. May break the stream.
void Http2Session::hand_on(Stream& stream) {
  if (stream.input != Stream::Input::kStretches) return;
  if (stream.body.empty() && !stream.body_ended) return;
  stream.attempt([&] {
    if (!stream.exchange->hungry()) return;
    const std::string bytes = std::exchange(stream.body, {});
    held_ -= bytes.size();
    frames_.give_back(stream.id, bytes.size());
    if (stream.body_ended) stream.input = Stream::Input::kDone;
    stream.exchange->more(bytes, stream.body_ended);
  });
}

void Http2Session::end_request(int32_t id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  switch (stream->input) {
    case Stream::Input::kWhole: return begin(*stream);
    case Stream::Input::kStretches:
      stream->body_ended = true;
      hand_on(*stream);
      if (stream->broken) fail(*stream);
      return;
    default: stream->input = Stream::Input::kDone;
  }
}

void Http2Session::begin(Stream& stream) {
  stream.input = Stream::Input::kDone;
  std::string body = std::exchange(stream.body, {});
  const Refusal why = finish_body(stream.rule, body);
  if (why.status != 0) return refuse(stream, why);
  stream.attempt([&] { stream.exchange->begin(std::move(body)); });
  if (stream.broken) return fail(stream);
  advance(stream);
}

// Answers instead of the exchange.
void Http2Session::refuse(Stream& stream, const Refusal& why) {
  ++counters_.malformed;
  if (stream.input != Stream::Input::kDone) stream.input = Stream::Input::kDropped;
  stream.body = {};
  stream.broken = false;
  stream.exchange = answer_with(host_.refusal(why));
  next_part(stream);
  settle(stream);
}

// Whose exchange has thrown, or makes no sense. The stream may be gone then.
void Http2Session::fail(Stream& stream) {
  if (!stream.head_sent) {
    drop_held(stream);
    return refuse(stream, {.status = 500, .why = "the server could not answer: its own fault"});
  }
  frames_.reset(stream.id, Http2Frames::Code::kInternal);
  drop(stream.id);
}

// --- its answer ----------------------------------------------------------------------------------

void Http2Session::next_part(Stream& stream) {
  stream.part.reset();
  stream.part_taken = 0;
  stream.attempt([&] {
    stream.part = stream.exchange->try_next();
    stream.ended = stream.exchange->ended();
  });
  if (!stream.has_output()) return;
  if (stream.part) stream.trailers = std::move(stream.part->trailers);
  stream.answer_since = now_;
  look_within_grace();
}

void Http2Session::ask(Stream& stream) {
  stream.attempt([&] { stream.exchange->notify(host_.waker(stream.id)); });
  if (stream.broken) fail(stream);
}

// Before the head.
void Http2Session::advance(Stream& stream) {
  if (stream.head_sent) return;
  next_part(stream);
  stream.has_output() || stream.broken ? settle(stream) : ask(stream);
}

// The exchange has said the first of its answer, or failed to.
void Http2Session::settle(Stream& stream) {
  stream.broken = stream.broken || !stream.part || !stream.part->head;
  stream.broken ? fail(stream) : send_head(stream);
}

void Http2Session::send_head(Stream& stream) {
  const ResponseHead& head = *stream.part->head;
  stream.framing = framing_of(head, {.to_head = stream.to_head});
  stream.answer_length = head.length.value_or(0);
  const bool empty = stream.ended && stream.part->body.empty() && stream.trailers.empty() &&
                     stream.answer_length == 0;
  stream.head_sent = true;
  frames_.send_head(stream.id, head_fields(head, std::time(nullptr)),
                    stream.framing == Framing::kNone || empty);
}

Supply Http2Session::supply(int32_t id, size_t most) {
  Stream* stream = find(id);
  while (stream != nullptr && !stream->broken) {
    if (stream->part && stream->part_left() > 0) {
      const size_t bytes = std::min(most, stream->part_left());
      const bool rest = stream->ended && bytes == stream->part_left();
      const bool whole = stream->framing != Framing::kLength ||
                         stream->answer_sent + bytes == stream->answer_length;
      return {.last = rest && whole,
              .bytes = bytes,
              .trailers = rest && whole ? trailer_fields(stream->trailers) : Headers()};
    }
    if (stream->part) end_part(*stream);
    if (stream->broken) break;
    if (stream->ended) {
      if (stream->framing == Framing::kLength && stream->answer_sent != stream->answer_length) {
        break;
      }
      return {.last = true, .trailers = trailer_fields(stream->trailers)};
    }
    next_part(*stream);
    if (stream->has_output() || stream->broken) continue;
    stream->attempt([&] { stream->exchange->notify(host_.waker(id)); });
    if (!stream->broken) return {};
  }
  drop(id);  // what ends before its time is not to be taken for a whole answer
  return {.broken = true};
}

void Http2Session::take(int32_t id, size_t bytes, std::string& into) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->part) return;
  into.append(stream->part->body, stream->part_taken, bytes);
  stream->part_taken += bytes;
  stream->answer_sent += bytes;
  stream->answer_pace.bytes += bytes;
  if (stream->part_left() > 0) return;
  end_part(*stream);
  if (stream->broken) fail(*stream);
}

// May break the stream.
void Http2Session::end_part(Stream& stream) {
  stream.part.reset();
  if (!stream.ended) {
    stream.answer_pace.waited += std::chrono::duration<double>(now_ - stream.answer_since).count();
  }
  hand_on(stream);
}

void Http2Session::begun(int32_t id) {
  Stream* stream = find(id);
  if (stream != nullptr) stream->begun = stream->head_sent;  // "100" begins nothing
}

void Http2Session::answered(int32_t id) {
  const Stream* stream = find(id);
  if (stream == nullptr) return;
  cancels_left_ = std::min<double>(cancels_left_ + 1, options_.http2_cancels_max);
  if (stream->input != Stream::Input::kDone) frames_.reset(id, Http2Frames::Code::kNone);
  drop(id);
}

// --- ends ----------------------------------------------------------------------------------------

void Http2Session::closed(int32_t id) {
  const Stream* stream = find(id);
  if (stream == nullptr) return;
  if (stream->exchange != nullptr) ++counters_.abandoned;
  const bool counts = !stream->begun;  // an answer that has begun has cost as much as a whole one
  drop(id);
  if (counts) count_cancel();
}

void Http2Session::blamed(int32_t id) {
  ++counters_.malformed;
  if (id == 0) {
    deafen();
    return lose();
  }
  drop(id);
  count_cancel();
}

Http2Session::Stream* Http2Session::find(int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

// Gives back what is held of a stretch, which nobody will take.
void Http2Session::drop_held(Stream& stream) {
  if (stream.input != Stream::Input::kStretches) return;
  held_ -= stream.body.size();
  frames_.give_back(stream.id, stream.body.size());
  stream.body = {};
}

void Http2Session::drop(int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  drop_held(*found->second);
  const auto dropped = streams_.extract(found);
  if (streams_.empty()) await_streams();
}

// Opening streams and resetting them costs a client nothing (CVE-2023-44487), and likewise making
// the server reset them (CVE-2025-8671).
void Http2Session::count_cancel() {
  const double most = options_.http2_cancels_max;
  const double seconds = std::chrono::duration<double>(now_ - cancels_at_).count();
  cancels_at_ = now_;
  cancels_left_ = std::min(cancels_left_ + most * seconds / kCancelsRegainSeconds, most) - 1;
  if (cancels_left_ < 0) terminate();
}

void Http2Session::terminate() {
  deafen();
  frames_.terminate(Http2Frames::Code::kCalm);
  lose();
}

// Nothing that the client says counts any more.
void Http2Session::deafen() {
  deaf_ = true;
  leaving_ = true;
  head_due_ = Time::max();
}

// --- time ----------------------------------------------------------------------------------------

Http2Session::Time Http2Session::later(double seconds) const { return now_ + duration_of(seconds); }

Http2Session::Time Http2Session::due() const { return std::min({head_due_, idle_due_, look_due_}); }

void Http2Session::look_within_grace() {
  if (options_.bytes_per_second_min == 0) return;
  look_due_ = std::min(look_due_, later(options_.grace_seconds));
}

// For how long the connection may be without any.
void Http2Session::await_streams() {
  idle_due_ = later(leaving_ ? options_.grace_seconds : options_.idle_seconds_max);
}

void Http2Session::look(Time now) {
  now_ = now;
  if (now >= head_due_) {
    ++counters_.timeouts;
    terminate();
  }
  if (now >= idle_due_) {
    dead_ = leaving_;
    drain(now);
  }
  if (now >= look_due_) judge_streams();
}

void Http2Session::judge_streams() {
  look_due_ = Time::max();
  std::vector<int32_t> late;
  // A client whose window others have used up is not to blame.
  const bool choked = held_ >= kConnectionWindow / 2;
  for (const auto& [id, stream] : streams_) {
    Time due = Time::max();
    if (stream->input == Stream::Input::kWhole) {
      due = choked ? later(options_.grace_seconds)
                   : stream->body_since + duration_of(stream->body_pace.seconds_left());
    }
    if (stream->has_output()) {
      due = std::min(due, stream->answer_since + duration_of(stream->answer_pace.seconds_left()));
    }
    if (due <= now_) {
      late.push_back(id);
    } else {
      look_due_ = std::min(look_due_, due);
    }
  }
  for (const int32_t id : late) {
    ++counters_.timeouts;
    Stream* stream = find(id);
    if (stream == nullptr) continue;
    if (stream->has_output()) {
      frames_.reset(id, Http2Frames::Code::kCancel);
      drop(id);
    } else {
      refuse(*stream, {.status = 408, .why = "the request came too slowly"});
    }
  }
}

}  // namespace accel::http
