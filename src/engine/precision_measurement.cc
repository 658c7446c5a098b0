#include "engine/precision_measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/cosine.h"
#include "base/stopwatch.h"
#include "base/try.h"

namespace accel::engine {
namespace {

constexpr double kLeastCosine = 0.999;
constexpr size_t kTexts = 24;
constexpr int kRoundsMax = 9;
// A precision that the CPU only emulates can be forty times slower; one text shows it.
constexpr double kHopeless = 4.0;

struct Candidate {
  std::shared_ptr<Model> model;
  Tensor embeddings;
  std::vector<double> seconds;  // of each round
};

// Sentences of 4 to 90 words from a fixed stock; content matters little, lengths do.
std::vector<std::string> sample_texts() {
  constexpr std::string_view kStock[] = {"the",       "engine",  "reads",   "a",         "model",
                                         "folder",    "and",     "answers", "questions", "about",
                                         "weather",   "music",   "trains",  "in",        "seven",
                                         "languages", "without", "waiting", "for",       "you"};
  std::vector<std::string> texts;
  for (size_t i = 0; i < kTexts; ++i) {
    const size_t words = 4 + i * i * 86 / ((kTexts - 1) * (kTexts - 1));
    std::string text;
    for (size_t w = 0; w < words; ++w) {
      text += kStock[(i * 7 + w * (i + 3)) % std::size(kStock)];
      text += ' ';
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

double least_cosine(const Tensor& a, const Tensor& b) {
  const auto rows = static_cast<size_t>(a.shape()[0]);
  const auto size = static_cast<size_t>(a.shape()[1]);
  double least = 1;
  for (size_t i = 0; i < rows; ++i) {
    least = std::min(least, cosine_similarity(a.data<float>().subspan(i * size, size),
                                              b.data<float>().subspan(i * size, size)));
  }
  return least;
}

std::vector<Precision> offered(Engine& engine, const std::string& device) {
  for (const DeviceReport& report : engine.devices()) {
    if (report.backend == "openvino" && report.name == device) return report.precisions;
  }
  return {};
}

// Seconds of one short text after a warm-up: enough to see what is hopeless.
Result<double> time_one_text(Model& model) {
  double seconds = 0;
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ACCEL_TRY(model.embed({"a short text"}).status());
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return seconds;
}

// Rounds go through all candidates in turn, so that a disturbance meets each of them.
Status run_rounds(std::vector<Candidate>& candidates, const std::vector<std::string>& texts,
                  Clock::time_point end) {
  for (int round = 0; round < kRoundsMax && (round < 2 || Clock::now() < end); ++round) {
    for (Candidate& candidate : candidates) {
      const auto start = Clock::now();
      ACCEL_ASSIGN(EmbedResult result, candidate.model->embed(texts));
      candidate.embeddings = std::move(result.embeddings);
      // The first round warms up.
      if (round > 0) {
        candidate.seconds.push_back(seconds_since(start));
      }
    }
  }
  return {};
}

}  // namespace

Result<MeasureReport> measure_precisions(Engine& engine, const std::string& path,
                                         const std::string& device, double seconds) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(seconds));
  MeasureReport report;
  std::vector<Precision> precisions = offered(engine, device);
  if (precisions.empty()) precisions = {Precision::kF32};  // loading tells what is wrong with it
  if (std::ranges::find(precisions, Precision::kF32) == precisions.end()) {
    return unavailable(fmt::format("{} does not run f32, so nothing can be measured", device));
  }
  std::vector<Candidate> candidates;
  std::vector<Precision> measured;
  double f32_seconds = 0;
  for (const Precision precision : precisions) {  // f32 is the first
    auto model = engine.load({.path = path, .device = device, .precision = precision});
    if (!model.ok() && precision == Precision::kF32) return model.status();
    if (!model.ok()) continue;
    ACCEL_ASSIGN(const double one, time_one_text(**model));
    if (precision == Precision::kF32) f32_seconds = one;
    if (one > kHopeless * f32_seconds) continue;
    candidates.push_back({std::move(*model), {}, {}});
    measured.push_back(precision);
  }
  const std::vector<std::string> texts = sample_texts();
  ACCEL_TRY(run_rounds(candidates, texts, end));

  double best = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    std::vector<double>& times = candidates[i].seconds;
    std::ranges::sort(times);
    PrecisionTiming timing{
        .precision = measured[i],
        .texts_per_sec = static_cast<double>(texts.size()) / times[times.size() / 2],
        .least_cosine = least_cosine(candidates[0].embeddings, candidates[i].embeddings)};
    timing.eligible = timing.least_cosine >= kLeastCosine;
    if (timing.eligible && timing.texts_per_sec > best) {
      best = timing.texts_per_sec;
      report.fastest = timing.precision;
    }
    report.timings.push_back(timing);
  }
  return report;
}

}  // namespace accel::engine
