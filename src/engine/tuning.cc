#include "engine/tuning.h"

#include <algorithm>
#include <barrier>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>
#include <utility>

#include "base/cosine.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

constexpr double kLeastCosine = 0.999;
constexpr double kNoise = 0.03;
// With several streams one can be kept free for whoever waits beside a job.
constexpr double kWorthOneStream = 0.10;
// A precision that the CPU only emulates can be forty times slower; a few runs show it.
constexpr double kHopeless = 4.0;
constexpr int kTrialRuns = 5;
constexpr double kTrialSeconds = 0.25;  // no further run begins later
constexpr double kNearlyBest = 0.95;    // of the throughput; further off, sizes are too large
constexpr int64_t kTextTokens = 24;
constexpr int64_t kTextRows[] = {1, 4, 8, 12, 16, 32, 64};
constexpr int64_t kMediaRows[] = {1, 2, 4, 8};
constexpr double kMostOverheadTokens = 128;

double throughput_of(const TimedBatch& batch) {
  return static_cast<double>(batch.rows) / batch.busy_seconds;
}

double best_throughput(const TimedSetting& setting) {
  double best = 0;
  for (const TimedBatch& batch : setting.batches) best = std::max(best, throughput_of(batch));
  return best;
}

// The line through seconds over tokens with the least squares of its relative errors, since noise
// lengthens long and short batches by a like share: where it begins, in tokens.
double overhead_of(const TimedSetting& setting) {
  double n = 0;
  double x = 0;
  double y = 0;
  double xx = 0;
  double xy = 0;
  for (const TimedBatch& batch : setting.batches) {
    const auto tokens = static_cast<double>(batch.rows * batch.tokens);
    const double weight = 1 / (batch.busy_seconds * batch.busy_seconds);
    n += weight;
    x += weight * tokens;
    y += weight * batch.busy_seconds;
    xx += weight * tokens * tokens;
    xy += weight * tokens * batch.busy_seconds;
  }
  const double spread = n * xx - x * x;
  if (setting.batches.size() < 2 || spread <= 0) return 0;
  const double slope = (n * xy - x * y) / spread;
  const double begin = (y - slope * x) / n;
  return slope > 0 ? std::clamp(begin / slope, 0.0, kMostOverheadTokens) : 0;
}

// Of the sizes that are nearly as good as the best the middle one, the smaller of two: noise moves
// the ends of that range more than its middle.
BatchSizes sizes_of(const TimedSetting& setting) {
  std::vector<const TimedBatch*> good;
  for (const TimedBatch& batch : setting.batches) {
    if (throughput_of(batch) >= best_throughput(setting) * kNearlyBest) good.push_back(&batch);
  }
  const TimedBatch& middle = *good[(good.size() - 1) / 2];
  if (middle.tokens == 0) return {.max_rows = middle.rows};
  return {.max_tokens = middle.rows * middle.tokens, .overhead_tokens = overhead_of(setting)};
}

// --- timing --------------------------------------------------------------------------------------

using Sessions = std::vector<NamedTensors>;  // inputs of each graph

Result<Sessions> inputs_of(const TunedModel& tuned, int64_t rows) {
  SampleLimits limits = tuned.limits;
  limits.batch = rows;
  limits.tokens = kTextTokens;
  Sessions inputs;
  for (const auto& pool : tuned.pools) {
    ACCEL_ASSIGN(NamedTensors one, sample_inputs(pool->model().signature(), limits));
    inputs.push_back(std::move(one));
  }
  return inputs;
}

// One batch through all graphs. `kept`: of every output, its numbers.
Status run_all(const TunedModel& tuned, const Sessions& inputs,
               std::vector<float>* kept = nullptr) {
  for (size_t i = 0; i < tuned.pools.size(); ++i) {
    ACCEL_ASSIGN(runtime::SessionPool::Lease session,
                 tuned.pools[i]->acquire({.lane = runtime::Lane::kBulk}));
    NamedTensors outputs;
    ACCEL_TRY(session->run(inputs[i], outputs));
    if (kept == nullptr) continue;
    for (const NamedTensor& output : outputs) {
      ACCEL_ASSIGN(const Tensor wide, tensors::convert_dtype(output.tensor, DType::kF32));
      const auto numbers = wide.data<float>();
      kept->insert(kept->end(), numbers.begin(), numbers.end());
    }
  }
  return {};
}

double median_of(std::vector<double>& seconds) {
  std::ranges::nth_element(seconds, seconds.begin() + std::ssize(seconds) / 2);
  return seconds[seconds.size() / 2];
}

// The median of the runs that begin within `budget`, and of one at least.
Result<double> time_runs(const TunedModel& tuned, const Sessions& inputs, double budget) {
  std::vector<double> seconds;
  const auto began = Clock::now();
  do {
    const auto start = Clock::now();
    ACCEL_TRY(run_all(tuned, inputs));
    seconds.push_back(seconds_since(start));
  } while (seconds_since(began) < budget);
  return median_of(seconds);
}

// An engine may make kernels in more than its first run.
Result<double> quickest_of_a_few(const TunedModel& tuned, const Sessions& inputs) {
  double least = std::numeric_limits<double>::infinity();
  const auto began = Clock::now();
  for (int i = 0; i < kTrialRuns && (i == 0 || seconds_since(began) < kTrialSeconds); ++i) {
    const auto start = Clock::now();
    ACCEL_TRY(run_all(tuned, inputs));
    least = std::min(least, seconds_since(start));
  }
  return least;
}

// Of a batch, while as many run at a time as there are streams. Each stream first makes room and
// kernels for batches of this size.
Result<double> time_busy(const TunedModel& tuned, const Sessions& inputs, int streams,
                         double budget) {
  std::vector<Status> failures(static_cast<size_t>(streams));
  std::vector<double> rates(static_cast<size_t>(streams));
  std::barrier ready(streams);
  const auto loop = [&](size_t stream) {
    const Status first = run_all(tuned, inputs);
    ready.arrive_and_wait();
    const Result<double> seconds =
        first.ok() ? time_runs(tuned, inputs, budget) : Result<double>(first);
    failures[stream] = seconds.status();
    if (seconds.ok()) rates[stream] = 1 / *seconds;
  };
  std::vector<std::thread> others;
  for (size_t stream = 1; stream < failures.size(); ++stream) others.emplace_back(loop, stream);
  loop(0);
  for (std::thread& other : others) other.join();
  for (const Status& failure : failures) ACCEL_TRY(failure);
  return 1 / std::accumulate(rates.begin(), rates.end(), 0.0);
}

Status time_batches(const TunedModel& tuned, double budget, TimedSetting& setting) {
  const std::span<const int64_t> sizes =
      tuned.texts ? std::span<const int64_t>(kTextRows) : std::span<const int64_t>(kMediaRows);
  const double share = budget / static_cast<double>(sizes.size());
  int falling = 0;  // sizes in a row
  for (const int64_t rows : sizes) {
    TimedBatch batch{.rows = rows, .tokens = tuned.texts ? kTextTokens : 0};
    ACCEL_ASSIGN(const Sessions inputs, inputs_of(tuned, rows));
    ACCEL_TRY(run_all(tuned, inputs));  // makes room for them
    ACCEL_ASSIGN(batch.alone_seconds, time_runs(tuned, inputs, share * 0.3));
    ACCEL_ASSIGN(batch.busy_seconds, time_busy(tuned, inputs, setting.streams, share * 0.7));
    setting.batches.push_back(batch);
    const bool falls = throughput_of(batch) < best_throughput(setting) * kNearlyBest;
    falling = falls ? falling + 1 : 0;
    if (falling == 2 || batch.alone_seconds > share * 2) break;
  }
  return {};
}

}  // namespace

RunSetting told(const TimedSetting& setting) {
  return {.precision = setting.precision,
          .streams = setting.streams,
          .threads = setting.threads,
          .items_per_sec = best_throughput(setting),
          .latency_ms = setting.batches.empty() ? 0 : setting.batches.front().alone_seconds * 1000,
          .least_cosine = setting.least_cosine,
          .eligible = setting.eligible};
}

namespace {

// Whether it gives more items per second than what was the best before it, or is the first.
bool gives_more(const TimedSetting& one, const TimedSetting* best) {
  if (best == nullptr) return true;
  const double worth = one.streams < best->streams ? kWorthOneStream : kNoise;
  return best_throughput(one) > best_throughput(*best) * (1 + worth);
}

}  // namespace

Tuning choose(std::span<const TimedSetting> settings) {
  const TimedSetting* quickest = nullptr;
  const TimedSetting* busiest = nullptr;
  std::map<Precision, const TimedSetting*> busiest_of;
  for (const TimedSetting& one : settings) {
    if (!one.eligible || one.batches.empty()) continue;
    if (quickest == nullptr || one.batches.front().alone_seconds <
                                   quickest->batches.front().alone_seconds * (1 - kNoise)) {
      quickest = &one;
    }
    if (gives_more(one, busiest)) busiest = &one;
    const TimedSetting*& alike = busiest_of[one.precision];
    if (gives_more(one, alike)) alike = &one;
  }
  if (quickest == nullptr) return {};
  Tuning tuning{told(*quickest), told(*busiest), {}};
  for (const auto& [precision, setting] : busiest_of) tuning.sizes[precision] = sizes_of(*setting);
  return tuning;
}

Result<PathCost> time_path(const std::function<Result<TunedModel>()>& load) {
  const auto began = Clock::now();
  ACCEL_ASSIGN(const TunedModel tuned, load());
  ACCEL_ASSIGN(const Sessions inputs, inputs_of(tuned, 1));
  ACCEL_TRY(run_all(tuned, inputs));
  const double first = seconds_since(began);
  ACCEL_ASSIGN(const double each, quickest_of_a_few(tuned, inputs));
  return PathCost{.load_seconds = std::max(first - each, 0.0), .seconds_per_item = each};
}

Result<std::vector<TimedSetting>> time_settings(const TuneOptions& options, const LoadWith& load) {
  std::vector<TimedSetting> settings;
  std::vector<float> exact;
  const double share = options.time.count() / static_cast<double>(options.precisions.size() + 1);
  for (const Precision precision : options.precisions) {
    const Result<TunedModel> tuned = load(precision, options.threads);
    if (!tuned.ok() && precision == Precision::kF32) return tuned.status();
    if (!tuned.ok()) continue;
    TimedSetting setting{
        .precision = precision, .streams = options.threads, .threads = options.threads};
    ACCEL_ASSIGN(const Sessions inputs, inputs_of(*tuned, 1));
    ACCEL_TRY(run_all(*tuned, inputs));
    std::vector<float> numbers;
    ACCEL_TRY(run_all(*tuned, inputs, &numbers));
    ACCEL_ASSIGN(const double one, quickest_of_a_few(*tuned, inputs));
    if (precision == Precision::kF32) exact = numbers;
    setting.least_cosine = numbers.size() == exact.size() ? cosine_similarity(numbers, exact) : 0;
    const bool hopeless =
        !settings.empty() && one > kHopeless * settings.front().batches.front().alone_seconds;
    setting.eligible =
        precision == Precision::kF32 || (setting.least_cosine >= kLeastCosine && !hopeless);
    if (hopeless) {
      setting.batches.push_back(
          {.tokens = tuned->texts ? kTextTokens : 0, .alone_seconds = one, .busy_seconds = one});
    } else {
      ACCEL_TRY(time_batches(*tuned, share, setting));
    }
    settings.push_back(std::move(setting));
  }
  if (options.threads == 1) return settings;
  // What is best with one stream is best in the precision that is quickest with several: streams
  // change how threads wait for each other, not what they compute.
  const Precision best = choose(settings).throughput.precision;
  ACCEL_ASSIGN(const TunedModel tuned, load(best, 1));
  TimedSetting setting{.precision = best, .streams = 1, .threads = options.threads};
  const auto same = std::ranges::find(settings, best, &TimedSetting::precision);
  setting.least_cosine = same->least_cosine;
  ACCEL_TRY(time_batches(tuned, share, setting));
  settings.push_back(std::move(setting));
  return settings;
}

Json to_json(const Tuning& tuning) {
  const auto setting = [](const RunSetting& one) {
    return Json{{"precision", to_string(one.precision)},
                {"streams", one.streams},
                {"threads", one.threads},
                {"items_per_sec", one.items_per_sec},
                {"latency_ms", one.latency_ms},
                {"least_cosine", one.least_cosine}};
  };
  Json batches = Json::object();
  for (const auto& [precision, sizes] : tuning.sizes) {
    batches[std::string(to_string(precision))] = {{"tokens", sizes.max_tokens},
                                                  {"rows", sizes.max_rows},
                                                  {"overhead_tokens", sizes.overhead_tokens}};
  }
  Json json{{"latency", setting(tuning.latency)},
            {"throughput", setting(tuning.throughput)},
            {"batches", std::move(batches)}};
  if (tuning.paths) {
    const auto cost = [](const PathCost& one) {
      return Json{{"load_seconds", one.load_seconds}, {"seconds_per_item", one.seconds_per_item}};
    };
    json["paths"] = {{"local", cost(tuning.paths->local)},
                     {"accelerated", cost(tuning.paths->accelerated)}};
  }
  return json;
}

namespace {

template <class Number>
bool read_number(const Json& object, const char* name, Number least, Number most, Number& value) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return false;
  const auto read = found->get<double>();
  if (!(read >= static_cast<double>(least) && read <= static_cast<double>(most))) return false;
  value = static_cast<Number>(read);
  return true;
}

std::optional<Precision> measured_precision(const std::string& word) {
  const auto precision = parse_precision(word);
  if (!precision.ok() || *precision == Precision::kAuto) return std::nullopt;
  return *precision;
}

bool read_sizes(const Json& tuning, std::map<Precision, BatchSizes>& sizes) {
  constexpr int64_t kMost = 1 << 20;
  const auto found = tuning.find("batches");
  if (found == tuning.end() || !found->is_object()) return false;
  for (const auto& [word, value] : found->items()) {
    const std::optional<Precision> precision = measured_precision(word);
    if (!precision || !value.is_object()) return false;
    BatchSizes& one = sizes[*precision];
    if (!read_number(value, "tokens", int64_t{0}, kMost, one.max_tokens) ||
        !read_number(value, "rows", int64_t{0}, kMost, one.max_rows) ||
        !read_number(value, "overhead_tokens", 0.0, kMostOverheadTokens, one.overhead_tokens)) {
      return false;
    }
  }
  return true;
}

bool read_setting(const Json& tuning, const char* name, RunSetting& setting) {
  const auto found = tuning.find(name);
  if (found == tuning.end() || !found->is_object()) return false;
  const auto word = found->find("precision");
  if (word == found->end() || !word->is_string()) return false;
  const std::optional<Precision> precision = measured_precision(word->get<std::string>());
  if (!precision) return false;
  setting.precision = *precision;
  constexpr double kMost = 1e12;
  return read_number(*found, "streams", 1, 1024, setting.streams) &&
         read_number(*found, "threads", 1, 1024, setting.threads) &&
         read_number(*found, "items_per_sec", 0.0, kMost, setting.items_per_sec) &&
         read_number(*found, "latency_ms", 0.0, kMost, setting.latency_ms) &&
         read_number(*found, "least_cosine", -1.0, 1.01, setting.least_cosine);
}

// True also where there are none.
bool read_paths(const Json& tuning, std::optional<PathCosts>& paths) {
  const auto found = tuning.find("paths");
  if (found == tuning.end()) return true;
  if (!found->is_object()) return false;
  paths.emplace();
  constexpr double kMost = 1e6;
  for (const auto& [name, cost] :
       {std::pair{"local", &paths->local}, std::pair{"accelerated", &paths->accelerated}}) {
    const auto path = found->find(name);
    if (path == found->end() || !path->is_object() ||
        !read_number(*path, "load_seconds", 0.0, kMost, cost->load_seconds) ||
        !read_number(*path, "seconds_per_item", 0.0, kMost, cost->seconds_per_item)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Tuning> tuning_from_json(const Json& value) {
  Tuning tuning;
  if (!value.is_object() || !read_setting(value, "latency", tuning.latency) ||
      !read_setting(value, "throughput", tuning.throughput) || !read_sizes(value, tuning.sizes) ||
      !read_paths(value, tuning.paths)) {
    return std::nullopt;
  }
  return tuning;
}

}  // namespace accel::engine
