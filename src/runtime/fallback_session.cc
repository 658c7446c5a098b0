#include "runtime/fallback_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/try.h"

namespace accel::runtime {
namespace {

constexpr int kFailuresBeforeRest = 3;
constexpr std::chrono::seconds kShortestRest{1};
constexpr int kDoublings = 6;
constexpr std::chrono::seconds kLongestRest{60};

// Failures of engines spread: a NaN in a layer is one in all that is computed of it.
Status check_numbers(const NamedTensors& outputs) {
  for (const NamedTensor& output : outputs) {
    if (output.tensor.dtype() != DType::kF32) continue;
    const std::span<const float> values = output.tensor.data<float>();
    int64_t none = 0;
    for (const float value : values) none += value != value ? 1 : 0;
    if (none == 0) continue;
    return internal_error(
        fmt::format("output '{}': {} of {} numbers are NaN", output.name, none, values.size()));
  }
  return {};
}

}  // namespace

void Rest::failed(Clock::time_point now) {
  if (++failures_ < kFailuresBeforeRest) return;
  const int doublings = std::min(failures_ - kFailuresBeforeRest, kDoublings);
  until_ = now + std::min(kShortestRest * (1 << doublings), kLongestRest);
}

Places::Places(Candidate first, std::shared_ptr<const backend::CompiledModel> model,
               std::vector<StandIn> others, std::function<void(const RunFallback&)> on_fallback,
               std::unique_ptr<GraphMemory> memory)
    : on_fallback_(std::move(on_fallback)), memory_(std::move(memory)) {
  candidates_.push_back(std::move(first));
  places_.push_back(std::make_unique<Place>());
  places_.front()->model = std::move(model);
  for (StandIn& other : others) {
    candidates_.push_back(std::move(other.where));
    places_.push_back(std::make_unique<Place>());
    places_.back()->compile = std::move(other.compile);
  }
}

size_t Places::first_to_try() const {
  if (places_.size() == 1) return 0;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const auto found =
      std::ranges::find_if(places_, [&](const auto& place) { return place->rest.over(now); });
  return found == places_.end() ? 0 : static_cast<size_t>(found - places_.begin());
}

Status Places::last_error(size_t place) const {
  const std::lock_guard lock(mutex_);
  return places_[place]->error;
}

Result<std::shared_ptr<const backend::CompiledModel>> Places::model(size_t index) {
  Place& place = *places_[index];
  const std::lock_guard lock(place.compiling);
  if (!place.model) {
    ACCEL_ASSIGN(place.model, place.compile());
  }
  return place.model;
}

void Places::failed(size_t place, const Status& error) {
  const std::lock_guard lock(mutex_);
  places_[place]->rest.failed(Clock::now());
  places_[place]->error = error;
}

void Places::succeeded(size_t place) {
  if (places_.size() == 1) return;
  if (place > 0) ++fallbacks_;
  const std::lock_guard lock(mutex_);
  places_[place]->rest.succeeded();
}

void Places::tell(const RunFallback& fallback) const {
  if (on_fallback_) on_fallback_(fallback);
}

FallbackSession::FallbackSession(std::shared_ptr<Places> places)
    : places_(std::move(places)),
      sessions_(places_->candidates().size()),
      executed_(places_->candidates().size()) {}

Result<std::unique_ptr<FallbackSession>> FallbackSession::create(std::shared_ptr<Places> places) {
  std::unique_ptr<FallbackSession> session(new FallbackSession(std::move(places)));
  const Status prepared = session->prepare(0);
  if (!prepared.ok() && session->sessions_.size() == 1) return prepared;
  return session;
}

Status FallbackSession::prepare(size_t place) {
  if (sessions_[place]) return {};
  ACCEL_ASSIGN(const auto model, places_->model(place));
  ACCEL_ASSIGN(sessions_[place], model->create_session());
  executed_[place] = model->executed();
  return {};
}

Status FallbackSession::run_on(size_t place, const NamedTensors& inputs, NamedTensors& outputs) {
  ACCEL_TRY(prepare(place));
  sessions_[place]->set_urgent(urgent_);
  ACCEL_TRY(sessions_[place]->run(inputs, outputs));
  return refuse_nan_ ? check_numbers(outputs) : Status();
}

int64_t FallbackSession::largest(int64_t tokens_of_row) const {
  const GraphMemory* memory = places_->memory();
  return memory == nullptr ? std::numeric_limits<int64_t>::max() : memory->largest(tokens_of_row);
}

Status FallbackSession::run(const NamedTensors& inputs, NamedTensors& outputs) {
  GraphMemory* memory = places_->memory();
  if (memory == nullptr) return run_anywhere(inputs, outputs);
  return memory->run(weight_of(inputs), [&] { return run_anywhere(inputs, outputs); });
}

Status FallbackSession::run_anywhere(const NamedTensors& inputs, NamedTensors& outputs) {
  fallback_.reset();
  const std::span<const Candidate> candidates = places_->candidates();
  Attempts attempts;
  size_t place = places_->first_to_try();
  for (size_t resting = 0; resting < place; ++resting) {
    attempts.failed(candidates[resting], places_->last_error(resting));
  }
  while (true) {
    Status ran = run_on(place, inputs, outputs);
    if (ran.ok()) break;
    if (!lies_with_candidate(candidates[place], ran.code())) return ran;
    attempts.failed(candidates[place], ran);
    places_->failed(place, ran);
    const std::optional<size_t> next = next_candidate(candidates, place, ran);
    if (!next) return attempts.error();
    place = *next;
  }
  places_->succeeded(place);
  if (place > 0) {
    fallback_ = std::make_shared<const RunFallback>(
        RunFallback{candidates[place], executed_[place], attempts.reason(candidates[place])});
    places_->tell(*fallback_);
  }
  return {};
}

}  // namespace accel::runtime
