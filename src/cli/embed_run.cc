#include "cli/embed_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/try.h"
#include "cli/progress.h"
#include "hardware/threads.h"

namespace accel::cli {
namespace {

constexpr size_t kCarriedBytesMax = size_t{32} << 20;
constexpr int kWatchIntervalMs = 100;

// What belongs to a text besides its embedding, from the reader to the writer. Bounded in bytes.
class SideChannel {
 public:
  struct Item {
    std::string carried;
    uint64_t position = 0;
  };

  // Waits while too much is under way. Everything under way has been pushed to the model before, so
  // it comes out, and the wait ends. False when closed.
  bool put(Item item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || bytes_ < kCarriedBytesMax; });
    if (closed_) return false;
    bytes_ += item.carried.size();
    items_.push_back(std::move(item));
    return true;
  }

  Item take() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return {};
    Item item = std::move(items_.front());
    items_.pop_front();
    bytes_ -= item.carried.size();
    changed_.notify_one();
    return item;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;  // guarded by mutex_, as are the next two
  size_t bytes_ = 0;
  bool closed_ = false;
};

// Three threads: the reader pushes texts, the watcher notices signals and draws the progress, the
// caller's own pulls results and writes. Only the last changes the tally.
class EmbedPump {
 public:
  EmbedPump(const EmbedRun& run, EmbedTally& tally)
      : run_(run), stream_(run.stream), tally_(tally) {}

  Status run() {
    std::thread reader([this] { read(); });
    std::thread watcher([this] { watch(); });
    Status status = write();
    // Whatever is still going on belongs to nobody now.
    if (!status.ok()) stream_.cancel();
    side_.close();
    run_.interrupt.stop();
    reader.join();
    watcher.join();
    tally_.interrupted = run_.interrupt.signalled() && (!status.ok() || !read_all_);
    if (!read_status_.ok() && read_status_.code() != StatusCode::kCancelled) return read_status_;
    if (tally_.interrupted && status.code() == StatusCode::kCancelled) return write_status_;
    return status;
  }

 private:
  void read() {
    hardware::name_this_thread("accel-read");
    read_status_ = push_all();
    if (read_status_.ok()) {
      stream_.close();
    } else {
      stream_.cancel();
    }
  }

  Status push_all() {
    while (true) {
      if (run_.interrupt.signalled()) return cancelled("interrupted");
      ACCEL_ASSIGN(std::optional<InputText> text, run_.input.next());
      if (!text) break;
      if (!side_.put({std::move(text->carried), text->position})) return cancelled("stopped");
      ACCEL_TRY(stream_.push(std::move(text->text)));
    }
    read_all_ = true;
    return {};
  }

  void watch() {
    hardware::name_this_thread("accel-watch");
    Progress progress(run_.progress);
    const auto size = run_.input.size_bytes();
    pollfd stop{run_.interrupt.stop_fd(), POLLIN, 0};
    while (::poll(&stop, 1, progress.shown() ? kWatchIntervalMs : -1) <= 0) {
      const auto fraction =
          size && *size > 0
              ? std::optional(static_cast<double>(written_position_) / static_cast<double>(*size))
              : std::nullopt;
      progress.update(stream_.completed(), fraction);
    }
    if (run_.interrupt.signalled()) stream_.cancel();
  }

  Status write() {
    std::vector<std::string> carried;
    while (true) {
      ACCEL_ASSIGN(std::optional<EmbedResult> result, stream_.next());
      if (!result) return {};
      carried.clear();
      for (size_t i = 0; i < result->tokens.size(); ++i) {
        SideChannel::Item item = side_.take();
        carried.push_back(std::move(item.carried));
        written_position_ = item.position;
      }
      write_status_ = write_result(*result, carried, run_.writer, tally_);
      if (write_status_.ok()) write_status_ = run_.writer.flush();
      ACCEL_TRY(write_status_);
    }
  }

  const EmbedRun& run_;
  EmbeddingStream& stream_;
  EmbedTally& tally_;
  SideChannel side_;
  Status read_status_;   // the reader's, until it is joined
  Status write_status_;  // tells the writer's errors from those of the stream
  std::atomic<bool> read_all_ = false;
  std::atomic<uint64_t> written_position_ = 0;
};

}  // namespace

Status write_result(const EmbedResult& result, std::span<const std::string> carried,
                    EmbeddingWriter& writer, EmbedTally& tally) {
  const std::span<const float> numbers = result.embeddings.data<float>();
  const size_t size = result.tokens.empty() ? 0 : numbers.size() / result.tokens.size();
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    ACCEL_TRY(writer.write({.index = tally.texts,
                            .embedding = numbers.subspan(i * size, size),
                            .tokens = result.tokens[i],
                            .truncated = result.truncated[i],
                            .device = result.devices.empty() ? "" : result.devices[i],
                            .carried = carried.empty() ? std::string_view() : carried[i]}));
    ++tally.texts;
    tally.tokens += static_cast<uint64_t>(result.tokens[i]);
  }
  tally.padded_tokens += result.padded_tokens;
  tally.replaced_utf8 += result.replaced_utf8;
  tally.times.tokenize += result.times.tokenize;
  tally.times.infer += result.times.infer;
  if (!tally.report.fallback) tally.report = result.report;  // one fallback is worth telling
  return {};
}

Status run_embed_stream(const EmbedRun& run, EmbedTally& tally) {
  Status status = EmbedPump(run, tally).run();
  tally.replaced_utf8 += run.input.replaced_utf8();
  return status;
}

}  // namespace accel::cli
