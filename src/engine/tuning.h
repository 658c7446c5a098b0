// How a model runs best on this machine: its own graph, timed in each way that it can run.
//
// Nothing is guessed, because machines differ: on some CPUs bf16 runs at half the speed of f32 and
// on others at four times; more streams are worth their memory for some models and not for others.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "accel/engine.h"
#include "base/json.h"
#include "engine/sample_inputs.h"
#include "runtime/session_pool.h"

namespace accel::engine {

struct TimedBatch {
  int64_t rows = 1;
  int64_t tokens = 0;        // of each row; 0: rows have none
  double alone_seconds = 0;  // of one, while nothing else runs
  double busy_seconds = 0;   // per batch, while all streams run one each
};

// One way of running.
struct TimedSetting {
  Precision precision = Precision::kF32;
  int streams = 1;
  int threads = 1;
  double least_cosine = 1;  // of outputs to those in f32
  bool eligible = true;     // exact enough, and not hopelessly slow
  std::vector<TimedBatch> batches;
};

// How batches are best cut.
struct BatchSizes {
  int64_t max_tokens = 0;      // of texts; 0: not measured
  int64_t max_rows = 0;        // of anything else; 0: not measured
  double overhead_tokens = 0;  // what a batch costs beside its tokens, in tokens; 0: not measured
};

// What was found, as it is remembered.
struct Tuning {
  RunSetting latency;                     // the least time of one item that is alone
  RunSetting throughput;                  // the most items per second
  std::map<Precision, BatchSizes> sizes;  // of each that was measured, with its best streams
  std::optional<PathCosts> paths;
};

// As reports tell it.
RunSetting told(const TimedSetting& setting);

// The best of the eligible ones, which are at least one. Pure.
// * A setting with more streams or another precision must be 3 % better to be taken before one that
//   comes earlier: less is not told apart from noise. One with fewer streams must give 10 % more
//   items per second: who waits beside a job has a stream of its own where there are several.
// * Batches are of the middle of those sizes that are within 5 % of the best throughput.
Tuning choose(std::span<const TimedSetting> settings);

// As the facts keep it; nothing for what is not such a value.
Json to_json(const Tuning& tuning);
std::optional<Tuning> tuning_from_json(const Json& value);

// A model that was loaded in one way: what its runs use.
struct TunedModel {
  std::shared_ptr<Model> model;
  std::vector<std::shared_ptr<runtime::SessionPool>> pools;  // of each graph of its task
  SampleLimits limits;
  bool texts = false;  // rows have tokens
};

// Loads it with so many streams, on all threads.
using LoadWith = std::function<Result<TunedModel>(Precision precision, int streams)>;

struct TuneOptions {
  std::vector<Precision> precisions;        // f32 first, which must load
  int threads = 1;                          // that may be used
  std::chrono::duration<double> time{2.0};  // about so long, loading and the first runs not counted
};

// Loads a model, runs one item and then a few others, of which the quickest counts.
Result<PathCost> time_path(const std::function<Result<TunedModel>()>& load);

// Times the precisions with as many streams as threads, then the best also with one stream.
Result<std::vector<TimedSetting>> time_settings(const TuneOptions& options, const LoadWith& load);

}  // namespace accel::engine
