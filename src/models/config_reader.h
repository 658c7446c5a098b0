// ConfigReader: typed fields out of a config.json, collecting every problem instead of stopping at
// the first one.
//
//   ConfigReader in(json);
//   const int64_t heads = in.size_or("num_attention_heads", 12);
//   in.expect("is_decoder", false, "decoders are not built by this family");
//   ACCEL_TRY(in.status());
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "base/json.h"

namespace accel::models {

class ConfigReader {
 public:
  // `object` must outlive the reader; anything but a JSON object is a problem of its own.
  explicit ConfigReader(const Json& object);

  // A positive count of at most 2^31: sizes, heads, layers. Absent or null: `fallback`.
  int64_t size_or(std::string_view name, int64_t fallback);
  // A count that the reference library switches off by zero, a negative number or absence: those
  // give `otherwise`.
  int64_t size_if_positive(std::string_view name, int64_t otherwise);
  // Zero is allowed, e.g. for max_seq_length.
  int64_t count_or(std::string_view name, int64_t fallback);
  // A number of layers: at most kLayersMax, because each one costs memory before its weights are
  // found missing.
  int64_t layers_or(std::string_view name, int64_t fallback);
  static constexpr int64_t kLayersMax = 1024;
  // A list of positive counts, of which there is at least one: a size per stage.
  std::vector<int64_t> sizes_or(std::string_view name, std::vector<int64_t> fallback);
  // A number of layers per stage, together at most kLayersMax.
  std::vector<int64_t> depths_or(std::string_view name, std::vector<int64_t> fallback);
  // Height and width: a list of both, or one size for both.
  std::array<int64_t, 2> extent_or(std::string_view name, std::array<int64_t, 2> fallback);
  double number_or(std::string_view name, double fallback);
  std::string text_or(std::string_view name, std::string_view fallback);
  bool flag_or(std::string_view name, bool fallback);
  std::vector<double> numbers_or(std::string_view name, std::vector<double> fallback);
  std::vector<std::string> texts_or(std::string_view name, std::vector<std::string> fallback);

  // The object `name`, for a reader of its own; absent or null: none.
  const Json* object(std::string_view name);
  // Takes over the problems of `part`, the reader of the object `name`.
  void adopt(std::string_view name, const ConfigReader& part);

  // `size` times the option `name`'s `ratio`, rounded down; a problem unless that is a size.
  int64_t scaled(std::string_view name, int64_t size, double ratio);

  // An option this family does not build: any value but `only` (or absent, or null) is refused with
  // the reason.
  void expect(std::string_view name, const Json& only, std::string_view why);

  // Adds a problem of the family's own, e.g. sizes that contradict each other.
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  // INVALID_ARGUMENT listing all problems, or ok.
  Status status() const;

 private:
  const Json* field(std::string_view name) const;
  int64_t integer_or(std::string_view name, int64_t fallback, int64_t least, int64_t most);
  void mistyped(std::string_view name, std::string_view expected, const Json& found);

  const Json& object_;
  std::vector<std::string> problems_;
};

}  // namespace accel::models
