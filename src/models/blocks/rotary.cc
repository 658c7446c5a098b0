#include "models/blocks/rotary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cos.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/power.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/sin.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <openvino/op/variadic_split.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

constexpr int64_t kMostTurned = 65536;

// --- config ------------------------------------------------------------------------------------

// The fields of rope_parameters or rope_scaling, read by `in`, and those around them.
struct Fields {
  ConfigReader& in;
  double theta;
  int64_t head_size;
  int64_t size;       // R
  int64_t positions;  // max_position_embeddings
  int64_t original;   // the context of training; 0: not said beside the object

  int64_t original_positions() const {
    return original > 0 ? original : in.size_or("original_max_position_embeddings", positions);
  }
  double positive(std::string_view name, double fallback) const {
    const double value = in.number_or(name, fallback);
    if (value > 0) return value;
    in.problem(fmt::format("{}: expected a number above 0, found {}", name, value));
    return 1;
  }
  double required(std::string_view name) const { return positive(name, 0); }
};

// theta^(2 i / size) for i = 0 .. count-1, each step rounded to f32 as in the reference library:
// at long distances the roundings show.
std::vector<float> wavelengths(double theta, int64_t size, int64_t count) {
  std::vector<float> result;
  for (int64_t i = 0; i < count; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(size);
    result.push_back(static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
  }
  return result;
}

std::vector<float> wavelengths(const Fields& fields) {
  return wavelengths(fields.theta, fields.size, fields.size / 2);
}

std::vector<float> inverse(std::vector<float> values) {
  for (float& value : values) value = 1.0F / value;
  return values;
}

std::vector<float> divided(std::vector<float> values, double by) {
  for (float& value : values) value /= static_cast<float>(by);
  return values;
}

Rotary plain(const Fields& fields) { return {.frequencies = inverse(wavelengths(fields))}; }

// Positions are divided by "factor".
Rotary linear(const Fields& fields) {
  return {.frequencies = divided(inverse(wavelengths(fields)), fields.required("factor"))};
}

// Only a part of the pairs is turned, at the pace they have in the whole head (Gemma 4).
Rotary proportional(const Fields& fields, double fraction) {
  const auto turned = static_cast<int64_t>(fraction * static_cast<double>(fields.head_size) / 2);
  std::vector<float> pace = inverse(wavelengths(fields.theta, fields.head_size, turned));
  pace.resize(static_cast<size_t>(fields.head_size / 2), 0.0F);
  return {.frequencies = divided(std::move(pace), fields.positive("factor", 1))};
}

// Beyond the context of training, theta grows with the sequence (bloc97 and emozilla).
Rotary dynamic(const Fields& fields) {
  if (fields.size <= 2) fields.in.problem("rope_type: dynamic needs more than one pair per head");
  return {.frequencies = inverse(wavelengths(fields)),
          .limit = fields.positions,
          .theta = fields.theta,
          .factor = fields.required("factor")};
}

// theta grows by "factor" and all positions shrink a little (GTE; https://kexue.fm/archives/9706).
Rotary fixed_ntk(const Fields& fields) {
  fields.in.expect("mixed_b", nullptr, "mixed NTK scaling is not built");
  const double factor = fields.required("factor");
  if (factor <= 1) return plain(fields);
  const auto size = static_cast<double>(fields.size);
  return {.frequencies =
              divided(inverse(wavelengths(fields.theta * factor, fields.size, fields.size / 2)),
                      std::pow(factor, 2 / size))};
}

// Fast pairs turn as in training, slow ones as with positions divided by "factor" (Peng et al.,
// arXiv:2309.00071).
Rotary yarn(const Fields& fields) {
  ConfigReader& in = fields.in;
  const auto original = static_cast<double>(fields.original_positions());
  const double factor = fields.positive("factor", static_cast<double>(fields.positions) / original);
  const double fast = in.number_or("beta_fast", 32);
  const double slow = in.number_or("beta_slow", 1);
  const double mscale = in.number_or("mscale", 0);
  const double mscale_all = in.number_or("mscale_all_dim", 0);
  const auto magnitude = [&](double by) {
    return factor <= 1 ? 1 : 0.1 * by * std::log(factor) + 1;
  };
  const double usual =
      mscale != 0 && mscale_all != 0 ? magnitude(mscale) / magnitude(mscale_all) : magnitude(1);

  const auto size = static_cast<double>(fields.size);
  // The pair that turns `rotations` times over the context of training.
  const auto pair_of = [&](double rotations) {
    return size * std::log(original / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(fields.theta));
  };
  double low = pair_of(fast);
  double high = pair_of(slow);
  if (in.flag_or("truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, size - 1);
  if (low == high) high += 0.001;
  std::vector<float> frequencies;
  for (const float wavelength : wavelengths(fields)) {
    const auto i = static_cast<float>(frequencies.size());
    const float slowness =
        std::clamp((i - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F, 1.0F);
    const float as_trained = 1.0F / wavelength;
    const float stretched = 1.0F / (static_cast<float>(factor) * wavelength);
    frequencies.push_back(stretched * slowness + as_trained * (1 - slowness));
  }
  return {.frequencies = std::move(frequencies),
          .magnitude = static_cast<float>(in.number_or("attention_factor", usual))};
}

// Like YaRN, with the bounds given as wavelengths (Grattafiori et al., arXiv:2407.21783).
Rotary llama3(const Fields& fields) {
  const auto original = static_cast<float>(fields.original_positions());
  const auto factor = static_cast<float>(fields.required("factor"));
  const auto low = static_cast<float>(fields.required("low_freq_factor"));
  const auto high = static_cast<float>(fields.required("high_freq_factor"));
  if (high <= low) fields.in.problem("high_freq_factor: expected more than low_freq_factor");
  std::vector<float> frequencies = inverse(wavelengths(fields));
  for (float& frequency : frequencies) {
    const float wavelength = 2 * std::numbers::pi_v<float> / frequency;
    if (wavelength < original / high) continue;
    const float smooth = (original / wavelength - low) / (high - low);
    const bool slow = wavelength > original / low;
    frequency = slow ? frequency / factor : (1 - smooth) * frequency / factor + smooth * frequency;
  }
  return {.frequencies = std::move(frequencies)};
}

// A factor of its own for each pair, one set for short sequences and one for long ones (Ding et
// al., arXiv:2402.13753).
Rotary longrope(const Fields& fields) {
  ConfigReader& in = fields.in;
  const int64_t original = fields.original_positions();
  const double ratio = static_cast<double>(fields.positions) / static_cast<double>(original);
  const double factor = fields.positive("factor", ratio);
  const double usual =
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original)));
  const auto scaled = [&](std::string_view name) {
    const std::vector<double> factors = in.numbers_or(name, {});
    const auto above_zero = [](double each) { return each > 0; };
    std::vector<float> values = wavelengths(fields);
    if (factors.size() != values.size() || !std::ranges::all_of(factors, above_zero)) {
      in.problem(fmt::format("{}: expected {} numbers above 0", name, values.size()));
      return values;
    }
    for (size_t i = 0; i < values.size(); ++i) values[i] *= static_cast<float>(factors[i]);
    return inverse(std::move(values));
  };
  return {.frequencies = scaled("short_factor"),
          .magnitude = static_cast<float>(in.number_or("attention_factor", usual)),
          .limit = original,
          .long_frequencies = scaled("long_factor")};
}

Rotary of_type(std::string_view type, const Fields& fields, double fraction) {
  if (type == "default") return plain(fields);
  if (type == "linear") return linear(fields);
  if (type == "dynamic") return dynamic(fields);
  if (type == "ntk") return fixed_ntk(fields);
  if (type == "yarn") return yarn(fields);
  if (type == "llama3") return llama3(fields);
  if (type == "longrope" || type == "su") return longrope(fields);  // "su": Phi-3's first name
  if (type == "proportional") return proportional(fields, fraction);
  fields.in.problem(fmt::format("rope_type: expected default, linear, dynamic, ntk, yarn, llama3, "
                                "longrope or proportional, found {}",
                                type));
  return plain(fields);
}

bool has_objects(const Json& json) {
  return std::ranges::any_of(json, [](const Json& each) { return each.is_object(); });
}

// The object with the parameters, and its path in config.json; none: an empty object.
const Json& parameters(ConfigReader& in, const RotarySource& source, std::string& path) {
  static const Json kNone = Json::object();
  path = "rope_scaling";
  const Json* found = in.object(path);
  if (found != nullptr && !found->empty()) {
    if (source.scaling) return *found;
  } else {
    path = "rope_parameters";
    found = in.object(path);
  }
  if (found == nullptr || found->empty() || path == "rope_scaling") return kNone;
  if (!has_objects(*found)) return *found;
  if (source.layer_type.empty()) {
    in.problem("rope_parameters: expected the same for all layers, found them per layer type");
    return kNone;
  }
  const auto own = found->find(source.layer_type);
  path += "." + std::string(source.layer_type);
  return own != found->end() && own->is_object() ? *own : kNone;
}

}  // namespace

Rotary read_rotary(ConfigReader& in, const RotarySource& source) {
  std::string path;
  ConfigReader inner(parameters(in, source, path));
  inner.expect("mrope_section", nullptr, "positions in several dimensions are not built");
  const double theta = inner.number_or("rope_theta", in.number_or(source.theta_name, source.theta));
  const double fraction = inner.number_or("partial_rotary_factor",
                                          in.number_or("partial_rotary_factor", source.fraction));
  const std::string type = inner.text_or("rope_type", inner.text_or("type", "default"));
  const bool is_fraction = fraction > 0 && fraction <= 1;
  const double turned = is_fraction ? static_cast<double>(source.head_size) * fraction : 0;
  const int64_t size = type == "proportional" ? source.head_size : static_cast<int64_t>(turned);
  if (!(theta > 0)) inner.problem(fmt::format("rope_theta: expected more than 0, found {}", theta));
  if (!is_fraction || size < 2 || size % 2 != 0) {
    inner.problem(fmt::format("partial_rotary_factor: expected an even number of the {} numbers of "
                              "a head to be turned, found {}",
                              source.head_size, size));
  }
  if (size >
      kMostTurned) {  // its frequencies are computed, with no stored tensor to vouch for them
    inner.problem(fmt::format("the numbers of a head to be turned: expected at most {}, found {}",
                              kMostTurned, size));
  }
  Rotary rotary;
  if (inner.status().ok()) {
    const bool nested = path.find('.') != std::string::npos;
    const int64_t original = nested ? 0 : in.count_or("original_max_position_embeddings", 0);
    const Fields fields{inner, theta, source.head_size, size, source.positions, original};
    rotary = of_type(type, fields, fraction);
  }
  rotary.layout = source.layout;
  in.adopt(path, inner);
  return rotary;
}

// --- graph -------------------------------------------------------------------------------------

namespace {

Output numbers(const std::vector<float>& values) {
  return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{values.size()}, values);
}

Output concat(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v0::Concat>(ov::OutputVector{a, b}, -1);
}

// Dynamic NTK's, for a sequence of `length`, f32 [].
Output grown_frequencies(const Rotary& rotary, const Output& length) {
  const auto size = static_cast<double>(2 * rotary.frequencies.size());
  const auto longest = static_cast<float>(rotary.limit);
  const auto factor = static_cast<float>(rotary.factor);
  const Output stretch =
      std::make_shared<ov::op::v1::Divide>(multiply(scalar(factor), length), scalar(longest));
  const Output growth = std::make_shared<ov::op::v1::Power>(
      add(stretch, scalar(1 - factor)), scalar(static_cast<float>(size / (size - 2))));
  const Output theta = multiply(scalar(static_cast<float>(rotary.theta)), growth);
  std::vector<float> exponents;
  for (size_t i = 0; i < rotary.frequencies.size(); ++i) {
    exponents.push_back(-static_cast<float>(2 * i) / static_cast<float>(size));
  }
  return std::make_shared<ov::op::v1::Power>(theta, numbers(exponents));
}

// [R / 2], by the largest of `positions` where that matters.
Output frequencies(const Rotary& rotary, const Output& positions) {
  Output usual = numbers(rotary.frequencies);
  if (rotary.limit == 0) return usual;
  std::vector<int64_t> axes(positions.get_partial_shape().size());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  const auto last = std::make_shared<ov::op::v1::ReduceMax>(positions, integers(axes));
  const Output length =
      add(std::make_shared<ov::op::v0::Convert>(last, ov::element::f32), scalar(1));
  const auto is_long =
      std::make_shared<ov::op::v1::Greater>(length, scalar(static_cast<float>(rotary.limit)));
  const Output others = rotary.long_frequencies.empty() ? grown_frequencies(rotary, length)
                                                        : numbers(rotary.long_frequencies);
  return std::make_shared<ov::op::v1::Select>(is_long, others, usual);
}

// [.., R / 2] to [.., R]: each number once per member of its pair.
Output for_both(const Output& x, RotaryLayout layout) {
  if (layout == RotaryLayout::kHalves) return concat(x, x);
  const Output column = std::make_shared<ov::op::v0::Unsqueeze>(x, integers({-1}));
  const int64_t size = 2 * x.get_partial_shape()[3].get_length();
  return std::make_shared<ov::op::v1::Reshape>(concat(column, column), integers({0, 1, -1, size}),
                                               true);
}

// A quarter turn of each pair (a, b): (-b, a).
Output quarter_turn(const Output& x, int64_t size, RotaryLayout layout) {
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto turned = [&](const Output& pairs) {
    const auto parts = std::make_shared<ov::op::v1::Split>(pairs, last, 2);
    return concat(multiply(parts->output(1), scalar(-1)), parts->output(0));
  };
  if (layout == RotaryLayout::kHalves) return turned(x);
  const Output pairs =
      std::make_shared<ov::op::v1::Reshape>(x, integers({0, 0, 0, size / 2, 2}), true);
  return std::make_shared<ov::op::v1::Reshape>(turned(pairs), integers({0, 0, 0, size}), true);
}

}  // namespace

RotaryTable rotary_table(const Rotary& rotary, const Output& positions) {
  // Integers until the last step before the product: a reshaped f32 would be rounded to bf16 in a
  // bf16 run, and position 257 to 256.
  const bool by_row = positions.get_partial_shape().size() == 2;
  const Output column = std::make_shared<ov::op::v0::Convert>(
      std::make_shared<ov::op::v0::Unsqueeze>(positions,
                                              by_row ? integers({1, 3}) : integers({0, 1, 3})),
      ov::element::f32);
  const Output angles = multiply(column, frequencies(rotary, positions));
  const auto finish = [&](const Output& x) {
    const Output both = for_both(x, rotary.layout);
    return rotary.magnitude == 1 ? both : multiply(both, scalar(rotary.magnitude));
  };
  return {.cosines = finish(std::make_shared<ov::op::v0::Cos>(angles)),
          .sines = finish(std::make_shared<ov::op::v0::Sin>(angles)),
          .size = static_cast<int64_t>(2 * rotary.frequencies.size()),
          .layout = rotary.layout};
}

Output turn(const Output& x, const RotaryTable& table) {
  const int64_t size = x.get_partial_shape()[3].get_length();
  if (table.size < size) {
    const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
    const auto parts = std::make_shared<ov::op::v1::VariadicSplit>(
        x, last, integers({table.size, size - table.size}));
    return concat(turn(parts->output(0), table), parts->output(1));
  }
  const Output aside = quarter_turn(x, size, table.layout);
  return add(multiply(x, table.cosines), multiply(aside, table.sines));
}

}  // namespace accel::models
