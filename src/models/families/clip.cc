// CLIP (Radford et al., arXiv:2103.00020): a tower for texts and one for images, whose outputs meet
// in one space. Which of them is built follows the inputs: input_ids, pixel_values or both.
#include <array>
#include <limits>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/minimum.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/towers.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace clip {
namespace {

// --- config ------------------------------------------------------------------------------------

struct TextConfig {
  TextTower tower;
  int64_t end = 0;         // the end token's id
  int64_t projection = 0;  // the size of the space where texts and images meet
};
struct VisionConfig {
  ImageTower tower;
  int64_t projection = 0;
};
struct ClipConfig {
  TextConfig text;
  VisionConfig vision;
};

Result<TextConfig> read_text(const Json& json) {
  ConfigReader in(json);
  const PreNormDefaults defaults{
      .hidden = 512, .heads = 8, .intermediate = 2048, .epsilon = 1e-5, .activation = "quick_gelu"};
  TextConfig config{.tower = read_text_tower(in, defaults, 49408, 77),
                    .end = in.count_or("eos_token_id", 49407),
                    .projection = in.size_or("projection_dim", 512)};
  ACCEL_TRY(in.status());
  return config;
}

Result<VisionConfig> read_vision(const Json& json) {
  ConfigReader in(json);
  VisionConfig config{
      .tower = read_image_tower(in, {.epsilon = 1e-5, .activation = "quick_gelu"}, 32),
      .projection = in.size_or("projection_dim", 512)};
  ACCEL_TRY(in.status());
  return config;
}

// A tower's part of the config. Old checkpoints have it twice, and then the first name wins.
Json part(const Json& json, const char* old_name, const char* name) {
  for (const char* each : {old_name, name}) {
    const auto it = json.find(each);
    if (it != json.end() && !it->is_null()) return *it;
  }
  return Json::object();
}

Result<ClipConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const int64_t projection = in.size_or("projection_dim", 512);
  ACCEL_TRY(in.status());
  Result<TextConfig> text = read_text(part(json, "text_config_dict", "text_config"));
  if (!text.ok()) return text.status().with_context("text_config");
  Result<VisionConfig> vision = read_vision(part(json, "vision_config_dict", "vision_config"));
  if (!vision.ok()) return vision.status().with_context("vision_config");
  text->projection = vision->projection = projection;  // the towers' own is of no effect here
  return ClipConfig{std::move(*text), std::move(*vision)};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ClipConfig config, read_config(json));
  Facts facts = facts_of(config.text.tower, config.vision.tower);
  ACCEL_ASSIGN(facts.labels, label_count(json));
  return facts;
}

Result<Facts> text_facts(const Json& json) {
  ACCEL_ASSIGN(const TextConfig config, read_text(json));
  return facts_of(config.tower);
}

Result<Facts> vision_facts(const Json& json) {
  ACCEL_ASSIGN(const VisionConfig config, read_vision(json));
  return facts_of(config.tower);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kTextPrefixes{"text_model.", ""};
constexpr std::array<std::string_view, 2> kVisionPrefixes{"vision_model.", ""};

constexpr std::array<std::string_view, 2> kUnused{"classifier.", "logit_scale"};
constexpr std::array<std::string_view, 4> kTextUnused{"text_projection.", "vision_model.",
                                                      "visual_projection.", "logit_scale"};
constexpr std::array<std::string_view, 4> kVisionUnused{"visual_projection.", "text_model.",
                                                        "text_projection.", "logit_scale"};

// --- build -------------------------------------------------------------------------------------

// What a tower gives: all states, and those that stand for the whole.
struct Tower {
  Output states;  // [B, L, H]
  Output pooled;  // [B, H]
};

// A token sees itself and those before: [1, 1, L, L], of `mask` [B, 1, 1, L] too.
Output causal_mask(const Output& ids, const std::optional<Output>& mask) {
  const Output key = positions_of(ids);
  const auto query = std::make_shared<ov::op::v0::Unsqueeze>(key, integers({1}));
  const auto later = std::make_shared<ov::op::v1::Less>(query, key);
  const auto causal = std::make_shared<ov::op::v1::Select>(
      later, scalar(std::numeric_limits<float>::lowest()), scalar(0.0F));
  const Output all = std::make_shared<ov::op::v0::Unsqueeze>(causal, integers({0, 1}));
  return mask ? std::make_shared<ov::op::v1::Minimum>(all, *mask) : all;
}

// The states [B, L, H] of the first end token, else of the first token: [B, H].
Output end_token(const Output& x, const Output& ids, int64_t end) {
  const auto number = [](int64_t value) {
    return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
  };
  // Configs of the first releases say 2 whatever the tokenizer says: there it is the largest id.
  constexpr int64_t kOldEnd = 2;
  Output rank = ids;
  if (end != kOldEnd) {
    const auto ends = std::make_shared<ov::op::v1::Equal>(ids, number(end));
    rank = std::make_shared<ov::op::v0::Convert>(ends, ov::element::i64);
  }
  const auto top = std::make_shared<ov::op::v1::ReduceMax>(rank, integers({1}), true);
  const auto best = std::make_shared<ov::op::v1::Equal>(rank, top);
  const auto behind = number(1 << 20);  // any text; the engine reduces in f32
  const auto places = std::make_shared<ov::op::v1::Select>(best, positions_of(ids), behind);
  const auto first = std::make_shared<ov::op::v1::ReduceMin>(places, integers({1}), false);
  return std::make_shared<ov::op::v8::Gather>(x, first, number(1), 1);
}

Result<Tower> text_tower(BuildContext& context, const TextConfig& config, const TowerNames& names) {
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  ACCEL_ASSIGN(const Output x, text_states(context, config.tower, names, causal_mask(ids, mask)));
  return Tower{x, end_token(x, ids, config.end)};
}

Result<Tower> image_tower(BuildContext& context, const VisionConfig& config,
                          const TowerNames& names) {
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = config.tower.encoder;
  const Patches& patches = config.tower.patches;
  const int64_t hidden = encoder.hidden;
  const auto norm = [&](const char* name, const Output& x) {
    return layer_norm(weights, names.prefix + name, x, hidden, encoder.epsilon);
  };
  const Output grid = patch_grid(weights, names.prefix + "embeddings.patch_embedding",
                                 *context.inputs.take("pixel_values"), patches, hidden, false);
  const Output cls = std::make_shared<ov::op::v1::Reshape>(
      weights.get(names.prefix + "embeddings.class_embedding", {hidden}), integers({1, 1, hidden}),
      false);
  const Output positions = weights.get(names.prefix + "embeddings.position_embedding.weight",
                                       {patches.count() + 1, hidden});
  const Output x = add(with_tokens({cls}, grid_tokens(grid)), positions);
  ACCEL_ASSIGN(const Output states,  // "layrnorm" is how it is stored
               image_states(context, config.tower, names, norm("pre_layrnorm", x)));
  return Tower{states, norm("post_layernorm", first_token(states))};
}

Output text_projection(Weights& weights, const TextConfig& config, const Tower& tower) {
  return linear(weights, "text_projection", tower.pooled, config.tower.encoder.hidden,
                config.projection, false);
}

Output image_projection(Weights& weights, const VisionConfig& config, const Tower& tower) {
  return linear(weights, "visual_projection", tower.pooled, config.tower.encoder.hidden,
                config.projection, false);
}

std::vector<NamedOutput> base(const Tower& tower) {
  return {{"last_hidden_state", tower.states}, {"pooler_output", tower.pooled}};
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ClipConfig config, read_config(context.config));
  ACCEL_ASSIGN(WantedTowers wanted, wanted_towers(context.inputs));
  Weights& weights = context.weights;
  const bool classifier = context.head == Head::kImageClassification;
  if (classifier) {
    if (!wanted.image) return invalid_argument("pixel_values: expected images, found none");
    wanted.text = false;
  }
  const bool both = wanted.text && wanted.image;
  const bool projects = context.head == Head::kZeroShotImage;
  if (!both && !(projects && wanted.text)) weights.skip("text_projection.");
  if (!both && !(projects && wanted.image)) weights.skip("visual_projection.");
  if (!wanted.text) {
    weights.skip("text_model.");
    ACCEL_ASSIGN(const Tower image, image_tower(context, config.vision, {"vision_model."}));
    if (!classifier) {
      std::vector<NamedOutput> outputs = base(image);
      if (projects) {
        outputs.push_back({"image_embeds", image_projection(weights, config.vision, image)});
      }
      return outputs;
    }
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier", mean_token(tokens_from(image.states, 1)),
                          config.vision.tower.encoder.hidden, labels)}};
  }
  if (!wanted.image) {
    weights.skip("vision_model.");
    ACCEL_ASSIGN(const Tower text, text_tower(context, config.text, {"text_model."}));
    std::vector<NamedOutput> outputs = base(text);
    if (projects) outputs.push_back({"text_embeds", text_projection(weights, config.text, text)});
    return outputs;
  }
  ACCEL_ASSIGN(const Tower text,
               text_tower(context, config.text, {"text_model.", "text_hidden_states"}));
  ACCEL_ASSIGN(const Tower image,
               image_tower(context, config.vision, {"vision_model.", "image_hidden_states"}));
  return similarities(text_projection(weights, config.text, text),
                      image_projection(weights, config.vision, image),
                      weights.get("logit_scale", {}), std::nullopt);
}

Result<std::vector<NamedOutput>> build_text(BuildContext& context) {
  ACCEL_ASSIGN(const TextConfig config, read_text(context.config));
  context.weights.choose_prefix(kTextPrefixes, "embeddings.token_embedding.weight");
  ACCEL_ASSIGN(const Tower tower, text_tower(context, config, {}));
  if (context.head == Head::kBase) return base(tower);
  return std::vector<NamedOutput>{{"text_embeds", text_projection(context.weights, config, tower)},
                                  {"last_hidden_state", tower.states}};
}

Result<std::vector<NamedOutput>> build_vision(BuildContext& context) {
  ACCEL_ASSIGN(const VisionConfig config, read_vision(context.config));
  context.weights.choose_prefix(kVisionPrefixes, "embeddings.class_embedding");
  ACCEL_ASSIGN(const Tower tower, image_tower(context, config, {}));
  if (context.head == Head::kBase) return base(tower);
  return std::vector<NamedOutput>{
      {"image_embeds", image_projection(context.weights, config, tower)},
      {"last_hidden_state", tower.states}};
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"CLIPModel", Head::kZeroShotImage},
    {"CLIPForImageClassification", Head::kImageClassification},
}};
constexpr std::array<Architecture, 2> kTextArchitectures{{
    {"CLIPTextModel", Head::kBase},
    {"CLIPTextModelWithProjection", Head::kZeroShotImage},
}};
constexpr std::array<Architecture, 2> kVisionArchitectures{{
    {"CLIPVisionModel", Head::kBase},
    {"CLIPVisionModelWithProjection", Head::kZeroShotImage},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kUsually},
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kUsually},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};
const std::array<InputSpec, 3> kTextInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};
const std::array<InputSpec, 1> kVisionInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace clip

const Family kClip{
    .model_type = "clip",
    .title = "CLIP",
    .reference = "arXiv:2103.00020",
    .tokenizer = "CLIPTokenizer",
    .architectures = clip::kArchitectures,
    .inputs = clip::kInputs,
    .unused_weights = clip::kUnused,
    .facts = clip::facts,
    .build = clip::build,
};

const Family kClipText{
    .model_type = "clip_text_model",
    .title = "CLIP's text model",
    .reference = "arXiv:2103.00020",
    .tokenizer = "CLIPTokenizer",
    .architectures = clip::kTextArchitectures,
    .inputs = clip::kTextInputs,
    .unused_weights = clip::kTextUnused,
    .facts = clip::text_facts,
    .build = clip::build_text,
};

const Family kClipVision{
    .model_type = "clip_vision_model",
    .title = "CLIP's vision model",
    .reference = "arXiv:2103.00020",
    .architectures = clip::kVisionArchitectures,
    .inputs = clip::kVisionInputs,
    .unused_weights = clip::kVisionUnused,
    .facts = clip::vision_facts,
    .build = clip::build_vision,
};

}  // namespace accel::models
