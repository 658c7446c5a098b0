// What was measured of models on this machine, kept between processes; and the measuring of one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "engine/known_backends.h"
#include "engine/tuning.h"
#include "runtime/fallback.h"
#include "store/facts.h"

namespace accel::engine {

// What a fact of a tuning names as its engine: a build of it and of accel, since kernels are of
// both.
std::string tuned_engine(std::string_view engine_version);

// Safe from any thread.
class RememberedTunings {
 public:
  // `facts` outlive this; `engine` says which build of it was measured.
  RememberedTunings(store::Facts& facts, std::string cpu, int threads, BackendPtr engine)
      : facts_(facts), cpu_(std::move(cpu)), threads_(threads), engine_(std::move(engine)) {}

  // Of the model at `path`, if it was measured there.
  std::optional<Tuning> find(const runtime::Candidate& where, const std::string& path) const;
  // Whether it could be kept.
  bool keep(const std::string& device, const std::string& path, const Tuning& tuning) const;

 private:
  Result<store::FactKey> key(const std::string& path, const std::string& device) const;

  store::Facts& facts_;
  const std::string cpu_;
  const int threads_;
  const BackendPtr engine_;
};

// What is measured of a model.
struct TuningPlan {
  std::string device;
  std::vector<Precision> precisions;  // f32 first
  int threads = 1;
  double seconds = 2;      // about so long, loading not counted
  bool local_too = false;  // also what the local path takes
};

struct MeasuredModel {
  Tuning tuning;
  MeasureReport report;
};

// Loads the model with the options that it is given, path and use aside.
using LoadForTuning = std::function<Result<TunedModel>(LoadOptions options)>;

// UNAVAILABLE where the device does not run f32, with which others are compared.
Result<MeasuredModel> measure_model(const TuningPlan& plan, const LoadForTuning& load);

}  // namespace accel::engine
