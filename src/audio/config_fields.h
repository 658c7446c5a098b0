// Typed fields out of a preprocessor_config.json, collecting every problem instead of stopping at
// the first one.
//
//   ConfigFields fields(json);
//   const int64_t rate = fields.integer_or("sampling_rate", 16'000, {kRateMin, kRateMax});
//   ACCEL_TRY(fields.status());
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "base/json.h"

namespace accel::audio {

// Both ends belong to it.
template <class T>
struct Range {
  T least;
  T most;
};

class ConfigFields {
 public:
  // `object` must outlive this; anything but a JSON object is a problem of its own.
  explicit ConfigFields(const Json& object);

  // The field `name`, or `fallback` where it is absent or null. A value of another type, or out of
  // the range, is a problem.
  int64_t integer_or(std::string_view name, int64_t fallback, Range<int64_t> range);
  double number_or(std::string_view name, double fallback, Range<double> range);
  bool flag_or(std::string_view name, bool fallback);
  std::string text_or(std::string_view name, std::string_view fallback);

  // Adds a problem of the caller's own, e.g. sizes that contradict each other.
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  // INVALID_ARGUMENT listing all problems, or ok.
  Status status() const;

 private:
  const Json* field(std::string_view name) const;
  void mistyped(std::string_view name, std::string_view expected, const Json& found);

  const Json& object_;
  std::vector<std::string> problems_;
};

}  // namespace accel::audio
