#include "audio/feature_extractor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "audio/config_fields.h"
#include "audio/extractors/extractors.h"
#include "base/json.h"
#include "base/try.h"

namespace accel::audio {
namespace {

// attention_mask: `rows` of `length`, each with ones where its clip's sound lies.
void write_mask(const ClipFeatures& clip, bool left, std::span<int32_t> row) {
  const auto shift = left ? static_cast<int64_t>(row.size()) - clip.length : 0;
  std::fill(row.begin() + shift + clip.begin, row.begin() + shift + clip.end, 1);
}

std::span<float> floats(Tensor& tensor) {
  return {reinterpret_cast<float*>(tensor.mutable_data()), static_cast<size_t>(tensor.count())};
}

std::span<int32_t> integers(Tensor& tensor) {
  return {reinterpret_cast<int32_t*>(tensor.mutable_data()), static_cast<size_t>(tensor.count())};
}

}  // namespace

Result<ClipFeatures> FeatureExtractor::features(const Audio& clip) const {
  if (clip.rate != info_.rate) {
    return invalid_argument(
        fmt::format("{}: expected sound of {} samples per second, found {}; resample it first",
                    info_.extractor, info_.rate, clip.rate));
  }
  if (clip.samples.empty()) {
    return invalid_argument(fmt::format("{}: expected sound, found no samples", info_.extractor));
  }
  const auto bad = std::ranges::find_if_not(
      clip.samples, [](float sample) { return std::abs(sample) <= kSampleMax; });
  if (bad != clip.samples.end()) {
    return invalid_argument(fmt::format("{}: expected samples of about -1 to 1, found {} at {}",
                                        info_.extractor, *bad, bad - clip.samples.begin()));
  }
  return compute(clip.samples);
}

Result<NamedTensors> FeatureExtractor::extract(const Audio& clip,
                                               const ExtractOptions& options) const {
  ACCEL_ASSIGN(ClipFeatures made, features(clip));
  NamedTensors tensors;
  tensors.push_back({std::string(info_.output), std::move(made.values)});
  if (options.attention_mask.value_or(info_.attention_mask)) {
    Tensor mask = Tensor::allocate(DType::kI32, {made.length});
    write_mask(made, false, integers(mask));
    tensors.push_back({"attention_mask", std::move(mask)});
  }
  return tensors;
}

Result<NamedTensors> FeatureExtractor::extract_batch(std::span<const Audio> clips,
                                                     const ExtractOptions& options) const {
  if (clips.empty()) {
    return invalid_argument(fmt::format("{}: expected clips, found none", info_.extractor));
  }
  std::vector<ClipFeatures> rows;
  int64_t length = 0;
  int64_t size = 0;  // numbers per row; only with a length of time do rows differ
  for (size_t i = 0; i < clips.size(); ++i) {
    Result<ClipFeatures> made = features(clips[i]);
    if (!made.ok()) return made.status().with_context(fmt::format("clip {}", i));
    length = std::max(length, made->length);
    size = std::max(size, static_cast<int64_t>(made->values.count()));
    if (size > kValuesMax / static_cast<int64_t>(clips.size())) {
      return resource_exhausted(fmt::format(
          "{}: expected at most {} numbers in a batch, found {} clips of up to {}; take fewer",
          info_.extractor, kValuesMax, clips.size(), size));
    }
    rows.push_back(std::move(*made));
  }
  Shape shape = info_.shape;
  std::ranges::replace(shape, int64_t{-1}, length);
  const auto count = static_cast<int64_t>(rows.size());
  shape.insert(shape.begin(), count);
  Tensor values = Tensor::allocate(DType::kF32, std::move(shape));
  Tensor mask = Tensor::allocate(DType::kI32, {count, length});
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> from = rows[i].values.data<float>();
    const std::span<float> row =
        floats(values).subspan(i * static_cast<size_t>(size), static_cast<size_t>(size));
    std::ranges::fill(row, padding_.value);
    std::ranges::copy(
        from, padding_.left ? row.end() - static_cast<ptrdiff_t>(from.size()) : row.begin());
    write_mask(
        rows[i], padding_.left,
        integers(mask).subspan(i * static_cast<size_t>(length), static_cast<size_t>(length)));
  }
  NamedTensors tensors;
  tensors.push_back({std::string(info_.output), std::move(values)});
  if (options.attention_mask.value_or(info_.attention_mask)) {
    tensors.push_back({"attention_mask", std::move(mask)});
  }
  return tensors;
}

Result<std::unique_ptr<const FeatureExtractor>> make_feature_extractor(
    std::string_view preprocessor_config, std::string_view model_type) {
  ACCEL_ASSIGN(const Json json, parse_json(preprocessor_config));
  const auto part = json.is_object() ? json.find("feature_extractor") : json.end();
  const Json& object = part != json.end() && part->is_object() ? *part : json;
  ConfigFields fields(object);
  const std::string name = fields.text_or("feature_extractor_type", {});
  ACCEL_TRY(fields.status());
  for (const ExtractorKind& kind : kExtractorKinds) {
    const bool wanted =
        name.empty() ? std::ranges::find(kind.model_types, model_type) != kind.model_types.end()
                     : name == kind.name;
    if (wanted) return kind.make(fields);
  }
  std::string known;
  for (const ExtractorKind& kind : kExtractorKinds) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", kind.name);
  }
  return unimplemented(
      fmt::format("expected feature_extractor_type to be one of {}, found {}", known,
                  name.empty() ? fmt::format("none, and the model type {}", json_quote(model_type))
                               : json_quote(name.substr(0, 60))));
}

}  // namespace accel::audio
