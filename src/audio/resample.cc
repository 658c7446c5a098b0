#include "audio/resample.h"

#include <fmt/format.h>
#include <soxr.h>

#include <algorithm>
#include <array>

#include "base/try.h"

namespace accel::audio {
namespace {

constexpr size_t kBlock = 8192;  // samples handed out at once

Status check_rate(int64_t rate, const char* which) {
  if (rate >= kRateMin && rate <= kRateMax) return {};
  return invalid_argument(fmt::format("{}: expected {} to {} samples per second, found {}", which,
                                      kRateMin, kRateMax, rate));
}

}  // namespace

void Resampler::Free::operator()(soxr* handle) const { soxr_delete(handle); }

Result<Resampler> Resampler::create(int64_t from, int64_t to) {
  ACCEL_TRY(check_rate(from, "the sound's rate"));
  ACCEL_TRY(check_rate(to, "the rate to resample to"));
  if (from == to) return Resampler(from, to, nullptr);
  const soxr_io_spec_t numbers = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t threads = soxr_runtime_spec(1);
  soxr_error_t error = nullptr;
  soxr* handle = soxr_create(static_cast<double>(from), static_cast<double>(to), 1, &error,
                             &numbers, &quality, &threads);
  if (handle == nullptr || error != nullptr) {
    soxr_delete(handle);
    return internal_error(fmt::format("resampling from {} to {} Hz: soxr says: {}", from, to,
                                      error == nullptr ? "nothing" : error));
  }
  return Resampler(from, to, handle);
}

uint64_t Resampler::result_count(uint64_t count) const {
  const auto from = static_cast<uint64_t>(from_);
  return (count * static_cast<uint64_t>(to_) + from - 1) / from;
}

Status Resampler::process(std::span<const float> samples, bool last, std::vector<float>& out) {
  std::array<float, kBlock> block;
  while (true) {
    size_t used = 0;
    size_t made = 0;
    const float* in = last ? nullptr : samples.data();
    const soxr_error_t error =
        soxr_process(handle_.get(), in, samples.size(), &used, block.data(), kBlock, &made);
    if (error != nullptr) return internal_error(fmt::format("resampling: soxr says: {}", error));
    out.insert(out.end(), block.begin(), block.begin() + static_cast<ptrdiff_t>(made));
    given_ += made;
    samples = samples.subspan(used);
    if (made < kBlock && samples.empty()) return {};
  }
}

Status Resampler::push(std::span<const float> samples, std::vector<float>& out) {
  taken_ += samples.size();
  if (samples.empty()) return {};
  if (handle_ != nullptr) return process(samples, false, out);
  out.insert(out.end(), samples.begin(), samples.end());
  given_ += samples.size();
  return {};
}

Status Resampler::finish(std::vector<float>& out) {
  if (handle_ != nullptr && taken_ > 0) ACCEL_TRY(process({}, true, out));
  const uint64_t wanted = result_count(taken_);
  if (given_ > wanted) out.resize(out.size() - (given_ - wanted));
  if (given_ < wanted) out.resize(out.size() + (wanted - given_), 0.0F);
  given_ = wanted;
  return {};
}

Result<Audio> resample(Audio audio, int64_t rate) {
  ACCEL_ASSIGN(Resampler resampler, Resampler::create(audio.rate, rate));
  if (audio.rate == rate) return audio;
  Audio result{.rate = rate};
  result.samples.reserve(resampler.result_count(audio.samples.size()));
  ACCEL_TRY(resampler.push(audio.samples, result.samples));
  ACCEL_TRY(resampler.finish(result.samples));
  return result;
}

}  // namespace accel::audio
