// Sessions that go over to another backend, device or precision when their engine fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/stopwatch.h"
#include "runtime/fallback.h"
#include "runtime/graph_memory.h"

namespace accel::runtime {

// Another place for a graph.
struct StandIn {
  Candidate where;
  // The same graph, compiled there. Called when it is first needed, by one thread at a time.
  std::function<Result<std::shared_ptr<const backend::CompiledModel>>()> compile;
};

// Why and where a run was not where it was meant to be.
struct RunFallback {
  Candidate where;
  backend::Executed executed;
  std::string reason;  // "reference on CPU instead of openvino on CPU: ..."
};

// When a place that fails is tried again: from the third failure in a row on it rests for a second,
// with each further one twice as long, for a minute at most. Pure.
class Rest {
 public:
  void failed(Clock::time_point now);
  void succeeded() { *this = {}; }
  bool over(Clock::time_point now) const { return now >= until_; }

 private:
  int failures_ = 0;
  Clock::time_point until_ = Clock::time_point::min();
};

// All places of one graph, the one that it was loaded on first. Shared by its sessions, safe from
// any thread.
class Places {
 public:
  // `on_fallback` is told of each run that ended on another place than the first; may be empty.
  // `memory` has its bound; null: there is none.
  Places(Candidate first, std::shared_ptr<const backend::CompiledModel> model,
         std::vector<StandIn> others, std::function<void(const RunFallback&)> on_fallback = {},
         std::unique_ptr<GraphMemory> memory = nullptr);

  std::span<const Candidate> candidates() const { return candidates_; }
  // The first that does not rest; if all do, the first.
  size_t first_to_try() const;
  // What was the matter when the place failed last; OK if it never did.
  Status last_error(size_t place) const;
  Result<std::shared_ptr<const backend::CompiledModel>> model(size_t place);
  void failed(size_t place, const Status& error);
  void succeeded(size_t place);
  void tell(const RunFallback& fallback) const;
  // Runs that ended on another place than the first.
  uint64_t fallbacks() const { return fallbacks_; }
  GraphMemory* memory() const { return memory_.get(); }  // null: there is no bound

 private:
  struct Place {
    std::function<Result<std::shared_ptr<const backend::CompiledModel>>()> compile;
    std::mutex compiling;
    std::shared_ptr<const backend::CompiledModel> model;  // guarded by `compiling`
    Rest rest;                                            // guarded by mutex_
    Status error;                                         // guarded by mutex_
  };
  std::vector<Candidate> candidates_;
  std::vector<std::unique_ptr<Place>> places_;  // of each candidate
  const std::function<void(const RunFallback&)> on_fallback_;
  const std::unique_ptr<GraphMemory> memory_;
  mutable std::mutex mutex_;
  std::atomic<uint64_t> fallbacks_ = 0;
};

class FallbackSession : public backend::Session {
 public:
  // A session of the first of `places`. Fails only where there is no other place.
  static Result<std::unique_ptr<FallbackSession>> create(std::shared_ptr<Places> places);

  // On the first place that can. When none can, the error is that of the first, with what came of
  // the others; one that does not lie with a place ends it. RESOURCE_EXHAUSTED where memory has a
  // bound and there is no room for such a batch.
  Status run(const NamedTensors& inputs, NamedTensors& outputs) override;
  void set_urgent(bool urgent) override { urgent_ = urgent; }
  // How large a batch may be for memory's sake: GraphMemory::largest().
  int64_t largest(int64_t tokens_of_row) const;
  // Of the last run; null: it ran where it was meant to.
  const std::shared_ptr<const RunFallback>& fallback() const { return fallback_; }
  // Whether an output that holds NaN is a failure, as it is where outputs are a task's to read.
  void refuse_nan(bool refuse) { refuse_nan_ = refuse; }

 private:
  explicit FallbackSession(std::shared_ptr<Places> places);
  Status prepare(size_t place);
  Status run_anywhere(const NamedTensors& inputs, NamedTensors& outputs);
  Status run_on(size_t place, const NamedTensors& inputs, NamedTensors& outputs);

  const std::shared_ptr<Places> places_;
  std::vector<std::unique_ptr<backend::Session>> sessions_;  // of each place, when first needed
  std::vector<backend::Executed> executed_;                  // likewise
  std::shared_ptr<const RunFallback> fallback_;
  bool refuse_nan_ = true;
  bool urgent_ = false;
};

}  // namespace accel::runtime
