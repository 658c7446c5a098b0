#include <algorithm>
#include <array>
#include <cmath>

#include "models/gguf/dialect.h"

namespace accel::models::gguf {
namespace {

constexpr std::array<FieldRule, 9> kDecoderFields{{
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"rope.freq_base", "rope_theta"},
}};

constexpr std::array<FieldRule, 8> kT5Fields{{
    {"embedding_length", "d_model"},
    {"block_count", "num_layers"},
    {"feed_forward_length", "d_ff"},
    {"attention.head_count", "num_heads"},
    {"attention.key_length", "d_kv"},
    {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon"},
    {"attention.relative_buckets_count", "relative_attention_num_buckets"},
    {"decoder_start_token_id", "decoder_start_token_id"},
}};

Json yarn(const GgufSource& source, double factor) {
  Json scaling{{"rope_type", "yarn"}, {"factor", factor}};
  const auto copy = [&](std::string_view key, const char* field) {
    if (const auto value = source.number(key)) scaling[field] = *value;
  };
  copy("rope.scaling.yarn_beta_fast", "beta_fast");
  copy("rope.scaling.yarn_beta_slow", "beta_slow");
  if (const auto original = source.integer("rope.scaling.original_context_length")) {
    scaling["original_max_position_embeddings"] = *original;
  }
  if (const auto own = source.number("rope.scaling.attn_factor"); own && factor > 1) {
    scaling["attention_factor"] = *own * (1 + 0.1 * std::log(factor));
  }
  return scaling;
}

// One factor for each pair of numbers, whatever the text's length: LongRoPE's with two sets alike.
Json by_pair(const std::vector<float>& factors) {
  return {{"rope_type", "longrope"},
          {"factor", 1},
          {"attention_factor", 1},
          {"short_factor", factors},
          {"long_factor", factors}};
}

}  // namespace

std::span<const FieldRule> decoder_fields() { return kDecoderFields; }

void complete_decoder(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["tie_word_embeddings"] = !source.has("output.weight");
  config["attention_bias"] = source.has("blk.0.attn_output.bias");
  const int64_t heads = source.integer("attention.head_count").value_or(0);
  if (!config.contains("num_key_value_heads")) config["num_key_value_heads"] = heads;
  const int64_t hidden = source.integer("embedding_length").value_or(0);
  if (!config.contains("head_dim") && heads > 0) config["head_dim"] = hidden / heads;
  const int64_t size = heads > 0 ? config["head_dim"].get<int64_t>() : 0;
  const int64_t turned = source.integer("rope.dimension_count").value_or(size);
  if (turned != size && size > 0) {
    config["partial_rotary_factor"] = static_cast<double>(turned) / static_cast<double>(size);
  }
  const std::string type = source.text("rope.scaling.type").value_or("none");
  const double factor =
      source.number("rope.scaling.factor").value_or(source.number("rope.scale_linear").value_or(1));
  if (const auto factors = source.numbers("rope_freqs.weight"); !factors.empty()) {
    config["rope_scaling"] = by_pair(factors);
  } else if (type == "yarn") {
    config["rope_scaling"] = yarn(source, factor);
  } else if ((type == "linear" || type == "none") && factor != 1) {
    config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", factor}};
  }
}

void complete_gemma_scale(const GgufSource& source, int64_t layers_of_27b, Json& config) {
  const int64_t heads = std::max<int64_t>(source.integer("attention.head_count").value_or(1), 1);
  const bool is_27b = source.integer("block_count") == layers_of_27b;
  const int64_t hidden = source.integer("embedding_length").value_or(0);
  config["query_pre_attn_scalar"] =
      is_27b ? Json(hidden / heads) : config.value("head_dim", Json());
  if (const auto scale = source.number("attention.scale"); scale && *scale > 0) {
    config["query_pre_attn_scalar"] = 1 / (*scale * *scale);
  }
}

std::span<const FieldRule> t5_fields() { return kT5Fields; }

void complete_t5(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  const bool tied = !source.has("output.weight");
  config["tie_word_embeddings"] = tied;
  config["scale_decoder_outputs"] = tied;
  config["feed_forward_proj"] = source.has("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu";
  if (const auto layers = source.integer("decoder_block_count")) {
    config["num_decoder_layers"] = *layers;
  }
}

}  // namespace accel::models::gguf
