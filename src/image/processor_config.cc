#include "image/processor_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/suggestion.h"
#include "base/try.h"

namespace accel::image {
namespace {

using Form = SizeRule::Form;

constexpr std::array<double, kChannels> kHalves{0.5, 0.5, 0.5};
constexpr std::array<double, kChannels> kImagenetMean{0.485, 0.456, 0.406};
constexpr std::array<double, kChannels> kImagenetStd{0.229, 0.224, 0.225};
constexpr std::array<double, kChannels> kClipMean{0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, kChannels> kClipStd{0.26862954, 0.26130258, 0.27577711};

// What a class of the reference has where its file says nothing, and what it can do.
struct Class {
  std::string_view name;
  ProcessorKind kind;
  SizeRule size;
  Filter filter;
  bool crops;
  std::array<double, kChannels> mean;
  std::array<double, kChannels> std;
};

constexpr SizeRule square(int side) { return {Form::kExact, {side, side}, 0, 0}; }
constexpr SizeRule shortest(int side) { return {Form::kShortestEdge, {}, side, 0}; }
constexpr int kLongest = 1333;
constexpr SizeRule kDetection{Form::kShortestAndLongest, {}, 800, kLongest};
constexpr int kCropSide = 224;

// Sorted.
constexpr std::array kClasses{
    Class{"Beit", ProcessorKind::kBeit, square(256), Filter::kBicubic, true, kHalves, kHalves},
    Class{"Bit", ProcessorKind::kBit, shortest(224), Filter::kBicubic, true, kClipMean, kClipStd},
    Class{"CLIP", ProcessorKind::kClip, shortest(224), Filter::kBicubic, true, kClipMean, kClipStd},
    Class{"ConvNext", ProcessorKind::kConvnext, shortest(384), Filter::kBilinear, false, kHalves,
          kHalves},
    Class{"DeiT", ProcessorKind::kDeit, square(256), Filter::kBicubic, true, kHalves, kHalves},
    Class{"Detr", ProcessorKind::kDetr, kDetection, Filter::kBilinear, false, kImagenetMean,
          kImagenetStd},
    Class{"Segformer", ProcessorKind::kSegformer, square(512), Filter::kBilinear, false,
          kImagenetMean, kImagenetStd},
    Class{"Siglip", ProcessorKind::kSiglip, square(224), Filter::kBicubic, false, kHalves, kHalves},
    Class{"ViT", ProcessorKind::kVit, square(224), Filter::kBilinear, false, kHalves, kHalves},
    Class{"Yolos", ProcessorKind::kYolos, kDetection, Filter::kBilinear, false, kImagenetMean,
          kImagenetStd},
};

// The class of a model whose folder names none. Sorted.
constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kModelClasses{{
    {"beit", "Beit"},
    {"bit", "Bit"},
    {"clip", "CLIP"},
    {"convnext", "ConvNext"},
    {"convnextv2", "ConvNext"},
    {"data2vec-vision", "Beit"},
    {"deit", "DeiT"},
    {"detr", "Detr"},
    {"dinov2", "Bit"},
    {"dinov2_with_registers", "Bit"},
    {"regnet", "ConvNext"},
    {"resnet", "ConvNext"},
    {"segformer", "Segformer"},
    {"siglip", "Siglip"},
    {"swin", "ViT"},
    {"swinv2", "ViT"},
    {"vit", "ViT"},
    {"vit_msn", "ViT"},
    {"yolos", "Yolos"},
}};

// These change pixels where a class reads them; of the classes here none does.
constexpr std::array<std::string_view, 9> kForeignSwitches{
    "do_align_long_axis", "do_crop_margin", "do_flip_channel_order",
    "do_random_crop",     "do_split_image", "do_thumbnail",
    "include_top",        "offset",         "rescale_offset"};

const Json* field(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// A value for a message.
std::string shown(const Json& value) {
  constexpr size_t kShownMax = 60;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "...";
  return text;
}

Status expected(std::string_view key, std::string_view what, const Json& found) {
  return invalid_argument(fmt::format("{}: expected {}, found {}", key, what, shown(found)));
}

Result<bool> switch_of(const Json& object, const char* key, bool otherwise) {
  const Json* value = field(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) return expected(key, "true or false", *value);
  return value->get<bool>();
}

Result<double> number_of(const Json& object, const char* key, double otherwise) {
  const Json* value = field(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    return expected(key, "a number", *value);
  }
  return value->get<double>();
}

Result<int> side_of(const Json& value, std::string_view key) {
  const std::string range = fmt::format("a whole number from 1 to {}", kProcessedSideMax);
  if (!value.is_number_integer() && !value.is_number_unsigned()) return expected(key, range, value);
  const auto side = value.get<double>();
  if (side < 1 || side > kProcessedSideMax) return expected(key, range, value);
  return static_cast<int>(side);
}

// Both sides under these names.
Result<Size> sides_of(const Json& object, std::string_view key, const char* height,
                      const char* width) {
  Size size;
  ACCEL_ASSIGN(size.height, side_of(object.at(height), fmt::format("{}.{}", key, height)));
  ACCEL_ASSIGN(size.width, side_of(object.at(width), fmt::format("{}.{}", key, width)));
  return size;
}

bool has_only(const Json& object, std::initializer_list<const char*> keys) {
  return object.size() == keys.size() &&
         std::ranges::all_of(keys, [&](const char* key) { return object.contains(key); });
}

// A size as one number, two (height first) or an object.
Result<SizeRule> size_rule(const Json& value, std::string_view key, SizeRule of_one_number) {
  if (value.is_number()) {
    ACCEL_ASSIGN(const int side, side_of(value, key));
    if (of_one_number.form == Form::kExact) return square(side);
    of_one_number.shortest = side;
    return of_one_number;
  }
  SizeRule rule;
  if (value.is_array() && value.size() == 2) {
    ACCEL_ASSIGN(rule.exact.height, side_of(value[0], key));
    ACCEL_ASSIGN(rule.exact.width, side_of(value[1], key));
    return rule;
  }
  if (value.is_object() && has_only(value, {"height", "width"})) {
    ACCEL_ASSIGN(rule.exact, sides_of(value, key, "height", "width"));
  } else if (value.is_object() && has_only(value, {"max_height", "max_width"})) {
    rule.form = Form::kLargestInside;
    ACCEL_ASSIGN(rule.exact, sides_of(value, key, "max_height", "max_width"));
  } else if (value.is_object() && has_only(value, {"shortest_edge"})) {
    rule.form = Form::kShortestEdge;
    ACCEL_ASSIGN(rule.shortest, side_of(value.at("shortest_edge"), key));
  } else if (value.is_object() && has_only(value, {"longest_edge", "shortest_edge"})) {
    rule.form = Form::kShortestAndLongest;
    ACCEL_ASSIGN(rule.shortest, side_of(value.at("shortest_edge"), key));
    ACCEL_ASSIGN(rule.longest, side_of(value.at("longest_edge"), key));
  } else {
    return expected(key,
                    "a number, [height, width] or an object with height and width, shortest_edge "
                    "(and longest_edge), or max_height and max_width",
                    value);
  }
  return rule;
}

bool takes(ProcessorKind kind, Form form) {
  switch (kind) {
    case ProcessorKind::kBit:
    case ProcessorKind::kClip: return form != Form::kLargestInside;
    case ProcessorKind::kConvnext:
      return form == Form::kShortestEdge || form == Form::kShortestAndLongest;
    case ProcessorKind::kDetr:
    case ProcessorKind::kYolos: return form != Form::kShortestEdge;
    default: return form == Form::kExact;
  }
}

Result<SizeRule> read_size(const Json& object, const Class& known) {
  const Json* value = field(object, "size");
  if (value == nullptr) return known.size;
  SizeRule of_one_number = known.size;
  if (const Json* longest = field(object, "max_size");
      longest != nullptr && known.size.form == Form::kShortestAndLongest) {
    ACCEL_ASSIGN(of_one_number.longest, side_of(*longest, "max_size"));
  }
  ACCEL_ASSIGN(SizeRule rule, size_rule(*value, "size", of_one_number));
  if (!takes(known.kind, rule.form)) {
    return unimplemented(fmt::format("size: {} is no form that {}ImageProcessor scales to",
                                     shown(*value), known.name));
  }
  const bool detects = known.size.form == Form::kShortestAndLongest;
  // The others look at the shorter side alone.
  if (rule.form == Form::kShortestAndLongest && !detects) rule.form = Form::kShortestEdge;
  return rule;
}

Result<Filter> read_filter(const Json& object, Filter otherwise) {
  const Json* value = field(object, "resample");
  if (value == nullptr) return otherwise;
  constexpr int kLast = 5;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > kLast) {
    return expected("resample",
                    "0 (nearest), 1 (Lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (Hamming)",
                    *value);
  }
  return static_cast<Filter>(value->get<uint64_t>());
}

Result<std::optional<Size>> read_crop(const Json& object, const Class& known, bool fast) {
  ACCEL_ASSIGN(const bool on, switch_of(object, "do_center_crop", known.crops));
  if (!on) return std::optional<Size>();
  // The fast classes crop where their slow sisters do not look at the switch.
  const bool can = known.crops || (fast && known.size.form == Form::kExact);
  if (!can) {
    return unimplemented(fmt::format("do_center_crop: {}ImageProcessor does not crop; set it to "
                                     "false",
                                     known.name));
  }
  const Json* value = field(object, "crop_size");
  if (value == nullptr && !known.crops) {
    return invalid_argument("crop_size: expected a size to crop to, found none");
  }
  if (value == nullptr) return std::optional(Size{kCropSide, kCropSide});
  ACCEL_ASSIGN(const SizeRule rule, size_rule(*value, "crop_size", square(kCropSide)));
  if (rule.form != Form::kExact) return expected("crop_size", "height and width", *value);
  return std::optional(rule.exact);
}

Result<std::array<double, kChannels>> read_channels(const Json& object, const char* key,
                                                    std::array<double, kChannels> otherwise) {
  const Json* value = field(object, key);
  if (value == nullptr) return otherwise;
  std::array<double, kChannels> numbers{};
  const auto usable = [](const Json& number) {
    // What is beyond f32 would be infinite there.
    return number.is_number() && std::isfinite(static_cast<float>(number.get<double>()));
  };
  if (usable(*value)) {
    numbers.fill(value->get<double>());
    return numbers;
  }
  if (!value->is_array() || value->size() != kChannels || !std::ranges::all_of(*value, usable)) {
    return expected(key, "a number, or one for each of the 3 channels", *value);
  }
  for (size_t c = 0; c < kChannels; ++c) numbers[c] = (*value)[c].get<double>();
  return numbers;
}

Status read_values(const Json& object, const Class& known, ProcessorConfig& config) {
  constexpr double kPerByte = 1.0 / 255;
  ACCEL_ASSIGN(const bool rescale, switch_of(object, "do_rescale", true));
  ACCEL_ASSIGN(const double factor, number_of(object, "rescale_factor", kPerByte));
  if (rescale) config.factor = factor;
  ACCEL_ASSIGN(const bool normalize, switch_of(object, "do_normalize", true));
  ProcessorConfig::Normalization normalization;
  ACCEL_ASSIGN(normalization.mean, read_channels(object, "image_mean", known.mean));
  ACCEL_ASSIGN(normalization.std, read_channels(object, "image_std", known.std));
  if (!normalize) return {};
  if (std::ranges::any_of(normalization.std,
                          [](double std) { return static_cast<float>(std) == 0; })) {
    return invalid_argument("image_std: expected numbers other than 0, found 0");
  }
  config.normalization = normalization;
  return {};
}

Status read_padding(const Json& object, const Class& known, ProcessorConfig& config) {
  const bool pads = known.size.form == Form::kShortestAndLongest;
  ACCEL_ASSIGN(config.pad, switch_of(object, "do_pad", pads));
  if (config.pad && !pads) {
    return unimplemented(
        fmt::format("do_pad: {}ImageProcessor does not pad; set it to false", known.name));
  }
  if (!pads) return {};
  ACCEL_ASSIGN(config.pad, switch_of(object, "pad_and_return_pixel_mask", config.pad));
  config.pixel_mask = config.pad && known.kind == ProcessorKind::kDetr;
  const Json* value = field(object, "pad_size");
  if (value == nullptr || !config.pad) return {};
  ACCEL_ASSIGN(const SizeRule rule, size_rule(*value, "pad_size", square(1)));
  if (rule.form != Form::kExact) return expected("pad_size", "height and width", *value);
  config.pad_to = rule.exact;
  return {};
}

// The class that the file names, and whether in its fast form.
Result<std::pair<const Class*, bool>> find_class(const Json& object, std::string_view model_type) {
  std::string full;
  for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
    const Json* value = field(object, key);
    if (value == nullptr) continue;
    if (!value->is_string()) return expected(key, "the name of a class", *value);
    full = value->get<std::string>();
    break;
  }
  std::string_view name = full;
  const auto drop = [&name](std::string_view ending) {
    const bool there = name.ends_with(ending);
    if (there) name.remove_suffix(ending.size());
    return there;
  };
  const bool fast = drop("Fast");
  drop("Pil");
  if (!drop("ImageProcessor")) drop("FeatureExtractor");
  if (full.empty()) {
    const auto model = std::ranges::find(kModelClasses, model_type,
                                         &std::pair<std::string_view, std::string_view>::first);
    if (model == kModelClasses.end()) {
      return invalid_argument(
          fmt::format("expected image_processor_type, found none, and no image processor is known "
                      "for models of type {}",
                      json_quote(model_type)));
    }
    name = model->second;
  }
  const auto known = std::ranges::find(kClasses, name, &Class::name);
  if (known != kClasses.end()) return std::pair(&*known, fast);
  std::vector<std::string_view> names;
  for (const Class& one : kClasses) names.push_back(one.name);
  return unimplemented(fmt::format("the image processor {} is not supported{}; expected one of {}",
                                   shown(Json(full)), did_you_mean(name, names),
                                   fmt::join(names, ", ")));
}

Result<ProcessorConfig> read(const Json& object, std::string_view model_type) {
  ACCEL_ASSIGN(const auto found, find_class(object, model_type));
  const Class& known = *found.first;
  for (const std::string_view key : kForeignSwitches) {
    ACCEL_ASSIGN(const bool on, switch_of(object, key.data(), false));
    if (on) {
      return unimplemented(
          fmt::format("{}: true is not supported for {}ImageProcessor", key, known.name));
    }
  }
  ProcessorConfig config{.kind = known.kind};
  ACCEL_ASSIGN(config.resize, switch_of(object, "do_resize", true));
  ACCEL_ASSIGN(config.size, read_size(object, known));
  ACCEL_ASSIGN(config.filter, read_filter(object, known.filter));
  ACCEL_ASSIGN(config.crop, read_crop(object, known, found.second));
  if (known.kind == ProcessorKind::kConvnext) {
    constexpr double kCropShare = 224.0 / 256;
    ACCEL_ASSIGN(config.crop_share, number_of(object, "crop_pct", kCropShare));
    if (config.crop_share <= 0.01 || config.crop_share > 100) {
      return expected("crop_pct", "a number above 0.01 and up to 100", object.at("crop_pct"));
    }
  }
  ACCEL_TRY(read_values(object, known, config));
  ACCEL_TRY(read_padding(object, known, config));
  return config;
}

}  // namespace

Result<ProcessorConfig> parse_processor_config(std::string_view text, std::string_view model_type) {
  ACCEL_ASSIGN(const Json root, parse_json(text));
  const Json* object = root.is_object() ? field(root, "image_processor") : nullptr;
  if (object == nullptr) object = &root;
  if (!object->is_object()) return expected("image processor", "an object", *object);
  return read(*object, model_type);
}

}  // namespace accel::image
