#include "models/blocks/rotary_encoder.h"

#include <array>
#include <utility>

#include "base/try.h"
#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

// One layer's tensors.
struct RotaryLayer {
  Weights& weights;
  const RotaryEncoder& encoder;
  const RotaryEncoderNames& names;
  std::string prefix;

  std::string path(std::string_view name) const { return prefix + std::string(name); }
  Output apply(std::string_view name, const Output& x, int64_t in, int64_t out, bool bias) const {
    return linear(weights, path(name), x, in, out, bias);
  }
};

// Query, key and value, [B, A, L, D] each.
std::array<Output, 3> projections(const RotaryLayer& layer, const Output& x) {
  const RotaryEncoder& encoder = layer.encoder;
  const int64_t wide = encoder.heads * encoder.head_size;
  const bool bias = encoder.projection_bias;
  if (!layer.names.packed_projection.empty()) {
    const Output all =
        layer.apply(layer.names.packed_projection, x, encoder.hidden, 3 * wide, bias);
    return split_packed_heads(all, encoder.heads, encoder.head_size);
  }
  const auto project = [&](std::string_view name) {
    return split_heads(layer.apply(name, x, encoder.hidden, wide, bias), encoder.heads,
                       encoder.head_size);
  };
  const Output query = project(layer.names.query);
  const Output key = project(layer.names.key);
  return {query, key, project(layer.names.value)};
}

Output self_attention(const RotaryLayer& layer, const Output& x,
                      const std::optional<RotaryTable>& table, const std::optional<Output>& mask) {
  const RotaryEncoder& encoder = layer.encoder;
  auto [query, key, value] = projections(layer, x);
  if (table) {
    query = turn(query, *table);
    key = turn(key, *table);
  }
  const int64_t wide = encoder.heads * encoder.head_size;
  const Output mixed = merge_heads(attention(query, key, value, mask), wide);
  return layer.apply(layer.names.output, mixed, wide, encoder.hidden, encoder.output_bias);
}

Result<Output> feed_forward(const RotaryLayer& layer, const Output& x) {
  const RotaryEncoder& encoder = layer.encoder;
  const auto up_by = [&](std::string_view name, int64_t out) {
    return layer.apply(name, x, encoder.hidden, out, encoder.up_bias);
  };
  Output wide;
  if (!encoder.gated) {
    ACCEL_ASSIGN(wide, activation(encoder.activation, up_by(layer.names.up, encoder.intermediate)));
  } else if (!layer.names.packed_up_gate.empty()) {
    const auto [up, gate] = halves(up_by(layer.names.packed_up_gate, 2 * encoder.intermediate));
    ACCEL_ASSIGN(wide, gated(encoder.activation, gate, up));
  } else {
    const Output up = up_by(layer.names.up, encoder.intermediate);
    const Output gate = up_by(layer.names.gate, encoder.intermediate);
    ACCEL_ASSIGN(wide, gated(encoder.activation, gate, up));
  }
  return layer.apply(layer.names.down, wide, encoder.intermediate, encoder.hidden,
                     encoder.down_bias);
}

}  // namespace

Output encoder_norm(Weights& weights, const RotaryEncoder& encoder, const std::string& name,
                    const Output& x) {
  if (encoder.norm == NormKind::kRms) {
    return rms_norm(weights, name, x, encoder.hidden, encoder.epsilon);
  }
  return layer_norm(weights, name, x, encoder.hidden, encoder.epsilon);
}

Result<Output> rotary_encoder(BuildContext& context, const RotaryEncoder& encoder,
                              const RotaryEncoderNames& names, Output x, const Output& positions,
                              const std::optional<Output>& mask) {
  std::optional<RotaryTable> table;
  if (encoder.rotary) table = rotary_table(*encoder.rotary, positions);
  context.keep_state(x);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    const RotaryLayer layer{context.weights, encoder, names,
                            std::string(names.layers) + std::to_string(i) + "."};
    const auto norm = [&](std::string_view name, const Output& y) {
      return encoder_norm(context.weights, encoder, layer.path(name), y);
    };
    x = norm(names.attention_norm, add(x, self_attention(layer, x, table, mask)));
    ACCEL_ASSIGN(const Output more, feed_forward(layer, x));
    x = norm(names.feed_forward_norm, add(x, more));
    context.keep_state(x);
  }
  return x;
}

}  // namespace accel::models
