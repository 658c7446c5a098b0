#include "pipelines/text/embedding_stream.h"

#include "base/stopwatch.h"
#include "base/try.h"
#include "pipelines/fallback_report.h"

namespace accel::pipelines {
TextEmbeddingStream::TextEmbeddingStream(std::shared_ptr<const EmbeddingModel> model,
                                         std::shared_ptr<runtime::SessionPool> pool,
                                         EmbeddingStreamOptions options)
    : model_(std::move(model)),
      pool_(std::move(pool)),
      options_(std::move(options)),
      open_(std::make_unique<Window>()) {
  for (const runtime::MemberMask mask : pool_->routes().masks) routes_.push_back({.only = mask});
  for (size_t route = 0; route < routes_.size(); ++route) {
    for (int i = 0; i < pool_->size_of(routes_[route].only); ++i) {
      workers_.emplace_back([this, route] { work(route); });
    }
  }
}

TextEmbeddingStream::~TextEmbeddingStream() {
  cancel();
  for (std::thread& worker : workers_) worker.join();
}

Status TextEmbeddingStream::push(std::string text) {
  const auto start = Clock::now();
  Result<TokenizedText> tokenized = prepare(*model_, options_.prompt, text, options_.strict_utf8);
  const double seconds = seconds_since(start);

  std::unique_lock lock(mutex_);
  if (!tokenized.ok()) fail(tokenized.status());
  const auto full = [&] { return std::ssize(open_->texts) >= options_.window_texts; };
  to_caller_.wait(lock, [&] { return stopped_ || closed_ || !full(); });
  if (stopped_) return cancelled("the stream was cancelled");
  if (closed_) return failed_precondition("push() after close()");
  if (open_->texts.empty()) open_->opened = Clock::now();
  open_->texts.push_back(std::move(*tokenized));
  open_->tokenize_seconds += seconds;
  if (full() && may_cut()) cut_open_window();
  if (open_->texts.size() <= 1) to_workers_.notify_one();  // somebody has to watch its age
  return {};
}

void TextEmbeddingStream::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  to_workers_.notify_all();
  to_caller_.notify_all();
}

void TextEmbeddingStream::cancel() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  to_workers_.notify_all();
  to_caller_.notify_all();
}

Result<std::optional<EmbedResult>> TextEmbeddingStream::next() {
  std::unique_lock lock(mutex_);
  to_caller_.wait(lock, [&] {
    return stopped_ || finished() || (!windows_.empty() && windows_.front()->batches_left == 0);
  });
  if (!error_.ok()) return error_;
  if (stopped_) return cancelled("the stream was cancelled");
  if (windows_.empty()) return std::optional<EmbedResult>();
  std::optional<EmbedResult> result = std::move(windows_.front()->result);
  windows_.pop_front();
  // A window that became full meanwhile could not be cut before.
  if (std::ssize(open_->texts) >= options_.window_texts) cut_open_window();
  to_workers_.notify_all();
  to_caller_.notify_all();
  return result;
}

bool TextEmbeddingStream::may_cut() const { return windows_.size() < kWindows; }

void TextEmbeddingStream::cut_open_window() {
  std::unique_ptr<Window> window = std::move(open_);
  open_ = std::make_unique<Window>();
  std::vector<int32_t> lengths;
  EmbedResult& result = window->result;
  result.report = options_.report;
  result.times.tokenize = window->tokenize_seconds;
  for (const TokenizedText& text : window->texts) {
    lengths.push_back(static_cast<int32_t>(text.ids.size()));
    result.tokens.push_back(lengths.back());
    result.truncated.push_back(text.truncated);
    result.replaced_utf8 += text.replaced_utf8;
  }
  const int64_t size = options_.finish.dimensions > 0
                           ? std::min(options_.finish.dimensions, model_->size)
                           : model_->size;
  result.embeddings = Tensor::allocate(DType::kF32, {std::ssize(window->texts), size});
  if (!pool_->routes().rules.empty()) result.devices.resize(window->texts.size());
  const auto places = texts_by_route(pool_->routes(), window->texts, /*rows=*/1);
  for (size_t route = 0; route < places.size(); ++route) {
    runtime::TokenBatches cut = cut_texts(
        places[route], lengths,
        {.max_tokens = options_.batch_tokens, .workers = pool_->size_of(routes_[route].only)});
    result.padded_tokens += cut.padded_tokens;
    window->batches_left += cut.batches.size();
    for (runtime::TokenBatch& batch : cut.batches) {
      routes_[route].jobs.push_back({window.get(), std::move(batch)});
    }
  }
  windows_.push_back(std::move(window));
  to_workers_.notify_all();
  to_caller_.notify_all();
}

void TextEmbeddingStream::fail(Status status) {
  if (error_.ok() && !stopped_) error_ = std::move(status);
  stopped_ = true;
  to_workers_.notify_all();
  to_caller_.notify_all();
}

Status TextEmbeddingStream::run(runtime::FallbackSession& session, const Job& job,
                                double& seconds) {
  std::vector<const TokenizedText*> texts;
  std::vector<float*> rows;
  Tensor& embeddings = job.window->result.embeddings;
  const int64_t size = embeddings.shape()[1];
  auto* first = reinterpret_cast<float*>(embeddings.mutable_data());
  for (const uint32_t item : job.batch.items) {
    texts.push_back(&job.window->texts[item]);
    rows.push_back(first + item * size);
  }
  const auto start = Clock::now();
  Status status = run_embedding_batch(
      session, {.texts = texts, .rows = rows, .length = job.batch.length}, options_.finish);
  seconds = seconds_since(start);
  if (status.ok() && options_.after_batch) options_.after_batch();
  return status;
}

// The next batch of a route; a failure stops the stream.
void TextEmbeddingStream::run_next(Route& route, std::unique_lock<std::mutex>& lock) {
  const Job job = std::move(route.jobs.front());
  route.jobs.pop_front();
  const int64_t tokens = job.batch.length * std::ssize(job.batch.items);
  const int64_t behind = std::ssize(route.jobs) * options_.batch_tokens;
  lock.unlock();
  double seconds = 0;
  Status status;
  std::string device;
  std::shared_ptr<const runtime::RunFallback> fallback;
  {
    Result<runtime::SessionPool::Lease> lease = pool_->acquire({.lane = runtime::Lane::kBulk,
                                                                .tokens = tokens,
                                                                .waiting = tokens + behind,
                                                                .only = route.only});
    if (lease.ok()) lease->used_for(tokens, std::ssize(job.batch.items));
    status = lease.ok() ? run(**lease, job, seconds) : lease.status();
    if (lease.ok()) {
      device = lease->device();
      fallback = (*lease)->fallback();
    }
  }
  lock.lock();
  if (!status.ok()) {
    fail(std::move(status));
    return;
  }
  completed_ += job.batch.items.size();
  EmbedResult& result = job.window->result;
  if (!result.devices.empty()) {
    for (const uint32_t item : job.batch.items) result.devices[item] = device;
  }
  tell_fallback(fallback.get(), result.report);
  result.times.infer += seconds;
  if (--job.window->batches_left == 0) to_caller_.notify_all();
}

void TextEmbeddingStream::work(size_t route) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (!routes_[route].jobs.empty()) {
      run_next(routes_[route], lock);
      continue;
    }
    if (closed_ && open_->texts.empty()) return;
    if (open_->texts.empty() || !may_cut()) {
      to_workers_.wait(lock);
      continue;
    }
    const auto due = open_->opened + options_.window_age;
    if (closed_ || Clock::now() >= due) {
      cut_open_window();
    } else {
      to_workers_.wait_until(lock, due);
    }
  }
}

}  // namespace accel::pipelines
