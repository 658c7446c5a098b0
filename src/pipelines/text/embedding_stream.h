// The embedding task over an endless input: texts in, embeddings out in the same order, with
// tokenising, inference and the caller's writing overlapped and memory bounded.
//
// push() tokenises on the caller's thread and fills the open window. A window that is full, or has
// waited long enough, is cut into batches; worker threads (one per session) run them; next() hands
// out whole windows in order. At most kWindows cut windows exist at a time, so a slow reader of
// next() stops push().
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "accel/engine.h"
#include "pipelines/text/embedding.h"
#include "runtime/session_pool.h"
#include "runtime/token_batches.h"

namespace accel::pipelines {

struct EmbeddingStreamOptions {
  int window_texts = 4096;
  std::chrono::milliseconds window_age{100};
  int64_t batch_tokens = 1024;
  bool strict_utf8 = false;
  RowFinish finish;
  std::string prompt;                 // the text itself
  RunReport report;                   // copied into every result
  std::function<void()> after_batch;  // cheap, from any worker; may be empty
};

class TextEmbeddingStream : public EmbeddingStream {
 public:
  // `model` and `pool` outlive the stream. Starts one thread per session, for each route of the
  // pool.
  TextEmbeddingStream(std::shared_ptr<const EmbeddingModel> model,
                      std::shared_ptr<runtime::SessionPool> pool, EmbeddingStreamOptions options);
  ~TextEmbeddingStream() override;

  Status push(std::string text) override;
  void close() override;
  Result<std::optional<EmbedResult>> next() override;
  void cancel() override;
  uint64_t completed() const override { return completed_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Window {
    std::vector<TokenizedText> texts;
    EmbedResult result;
    size_t batches_left = 0;
    double tokenize_seconds = 0;
    Clock::time_point opened;
  };
  struct Job {
    Window* window;
    runtime::TokenBatch batch;
  };
  // Batches that may run on the same devices.
  struct Route {
    runtime::MemberMask only = runtime::kEveryMember;
    std::deque<Job> jobs;
  };
  static constexpr size_t kWindows = 3;

  void work(size_t route);
  void run_next(Route& route, std::unique_lock<std::mutex>& lock);
  Status run(runtime::FallbackSession& session, const Job& job, double& seconds);
  // With mutex_ held:
  bool may_cut() const;
  void cut_open_window();
  void fail(Status status);
  bool finished() const { return closed_ && open_->texts.empty() && windows_.empty(); }

  const std::shared_ptr<const EmbeddingModel> model_;
  const std::shared_ptr<runtime::SessionPool> pool_;
  const EmbeddingStreamOptions options_;
  std::atomic<uint64_t> completed_ = 0;

  std::mutex mutex_;
  std::condition_variable to_workers_;  // a job, an open window to watch, or the end
  std::condition_variable to_caller_;   // a finished window, room, or the end
  // Guarded by mutex_:
  std::unique_ptr<Window> open_;
  std::deque<std::unique_ptr<Window>> windows_;  // cut, in input order
  std::vector<Route> routes_;                    // as the pool's
  Status error_;
  bool closed_ = false;
  bool stopped_ = false;

  std::vector<std::thread> workers_;
};

}  // namespace accel::pipelines
