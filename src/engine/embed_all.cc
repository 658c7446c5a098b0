#include "engine/embed_all.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/stopwatch.h"
#include "base/try.h"
#include "pipelines/fallback_report.h"
#include "runtime/token_batches.h"

namespace accel::engine {
namespace {

// Calls work(i) for i in [0, count) from up to `threads` threads, the caller's included, until one
// fails; returns the first failure seen.
template <class Work>
Status for_each_index(size_t count, size_t threads, const Work& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  Status failure;
  const auto loop = [&] {
    for (size_t i = next++; i < count; i = next++) {
      Status status = work(i);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      if (failure.ok()) failure = std::move(status);
      next = count;
      return;
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(loop);
  loop();
  for (std::thread& other : others) other.join();
  return failure;
}

constexpr size_t kTextsPerTask = 64;  // tokenising one text is too little for a hand-over

Status tokenize_all(const pipelines::EmbeddingModel& model, const std::vector<std::string>& texts,
                    const EmbedOptions& options, size_t threads,
                    std::vector<pipelines::TokenizedText>& tokenized) {
  ACCEL_ASSIGN(const std::string prompt, pipelines::find_prompt(model, options.prompt));
  const size_t tasks = (texts.size() + kTextsPerTask - 1) / kTextsPerTask;
  return for_each_index(tasks, threads, [&](size_t task) -> Status {
    const size_t end = std::min(texts.size(), (task + 1) * kTextsPerTask);
    for (size_t i = task * kTextsPerTask; i < end; ++i) {
      auto one = pipelines::prepare(model, prompt, texts[i], options.strict_utf8);
      if (!one.ok()) return one.status().with_context(fmt::format("text {}", i));
      tokenized[i] = std::move(*one);
    }
    return {};
  });
}

// Batches and what they are made of, on their way to rows.
struct CutTexts {
  const std::vector<pipelines::TokenizedText>& texts;
  const pipelines::RowFinish& finish;
  float* first_row;  // of `size` each
  int64_t size = 0;
};

struct BatchRun {
  const runtime::TokenBatch& batch;
  runtime::MemberMask only;
  int64_t left = 1;  // batches of the same members that wait, this one included
};

// Where a batch ran.
struct BatchPlace {
  std::string device;
  std::shared_ptr<const runtime::RunFallback> fallback;
};

// Runs one batch; adds the time in the engine to `infer`, without the waiting for a session.
Result<BatchPlace> run_batch(runtime::SessionPool& pool, const CutTexts& cut, const BatchRun& run,
                             std::atomic<double>& infer) {
  const runtime::TokenBatch& batch = run.batch;
  std::vector<const pipelines::TokenizedText*> members;
  std::vector<float*> rows;
  for (const uint32_t item : batch.items) {
    members.push_back(&cut.texts[item]);
    rows.push_back(cut.first_row + item * cut.size);
  }
  const int64_t tokens = batch.length * std::ssize(batch.items);
  ACCEL_ASSIGN(runtime::SessionPool::Lease session, pool.acquire({.lane = runtime::Lane::kBulk,
                                                                  .tokens = tokens,
                                                                  .waiting = tokens * run.left,
                                                                  .only = run.only}));
  session.used_for(tokens, std::ssize(batch.items));
  const auto began = Clock::now();
  ACCEL_TRY(pipelines::run_embedding_batch(
      *session, {.texts = members, .rows = rows, .length = batch.length}, cut.finish));
  infer += seconds_since(began);
  return BatchPlace{session.device(), session->fallback()};
}

}  // namespace

Result<pipelines::RowFinish> row_finish(const pipelines::EmbeddingModel& model,
                                        const EmbedOptions& options) {
  if (options.dimensions < 0 || options.dimensions > model.size) {
    return invalid_argument(fmt::format("dimensions: expected 1 to {} (0 keeps all), found {}",
                                        model.size, options.dimensions));
  }
  return pipelines::RowFinish{.dimensions = options.dimensions,
                              .normalize = options.normalize && model.normalized};
}

Result<EmbedResult> embed_all(const pipelines::EmbeddingModel& model, runtime::SessionPool& pool,
                              const std::vector<std::string>& texts,
                              const EmbedAllOptions& options) {
  ACCEL_ASSIGN(const pipelines::RowFinish finish, row_finish(model, options.embed));
  const auto threads = static_cast<size_t>(pool.size());
  EmbedResult result{.report = options.report};

  const auto start = Clock::now();
  std::vector<pipelines::TokenizedText> tokenized(texts.size());
  ACCEL_TRY(tokenize_all(model, texts, options.embed, threads, tokenized));
  result.times.tokenize = seconds_since(start);
  for (const pipelines::TokenizedText& text : tokenized) {
    result.tokens.push_back(static_cast<int32_t>(text.ids.size()));
    result.truncated.push_back(text.truncated);
    result.replaced_utf8 += text.replaced_utf8;
  }

  const int64_t size = finish.dimensions > 0 ? finish.dimensions : model.size;
  result.embeddings = Tensor::allocate(DType::kF32, {std::ssize(texts), size});
  auto* first_row = reinterpret_cast<float*>(result.embeddings.mutable_data());
  const int64_t budget =
      options.embed.batch_tokens > 0 ? options.embed.batch_tokens : options.batch_tokens;
  const runtime::ContentRoutes& routes = pool.routes();
  const auto places = pipelines::texts_by_route(routes, tokenized, std::ssize(texts));
  std::vector<runtime::TokenBatches> cuts;
  for (size_t route = 0; route < places.size(); ++route) {
    cuts.push_back(
        pipelines::cut_texts(places[route], result.tokens,
                             {.max_tokens = budget, .workers = pool.size_of(routes.masks[route])}));
    result.padded_tokens += cuts.back().padded_tokens;
  }

  if (!routes.rules.empty()) result.devices.resize(texts.size());
  const CutTexts cut{tokenized, finish, first_row, size};
  std::atomic<double> infer = 0;
  std::mutex mutex;  // of result.report
  // The routes side by side: their devices are others.
  ACCEL_TRY(for_each_index(cuts.size(), cuts.size(), [&](size_t route) {
    const std::vector<runtime::TokenBatch>& batches = cuts[route].batches;
    const runtime::MemberMask only = routes.masks[route];
    const auto sessions = static_cast<size_t>(pool.size_of(only));
    return for_each_index(batches.size(), sessions, [&](size_t i) -> Status {
      const auto left = static_cast<int64_t>(batches.size() - i);
      ACCEL_ASSIGN(const BatchPlace place, run_batch(pool, cut, {batches[i], only, left}, infer));
      if (place.fallback) {
        const std::lock_guard lock(mutex);
        pipelines::tell_fallback(place.fallback.get(), result.report);
      }
      if (result.devices.empty()) return {};
      for (const uint32_t item : batches[i].items) result.devices[item] = place.device;
      return {};
    });
  }));
  result.times.infer = infer;
  return result;
}

}  // namespace accel::engine
