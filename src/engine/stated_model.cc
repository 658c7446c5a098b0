#include "engine/stated_model.h"

#include <fmt/format.h>

#include <vector>

namespace accel::engine {

std::string_view type_of_inputs(std::span<const std::string> inputs) {
  bool text = false;
  bool vision = false;
  bool audio = false;
  for (const std::string& name : inputs) {
    text = text || name == "input_ids";
    vision = vision || name == "pixel_values";
    audio = audio || name == "input_values" || name == "input_features";
  }
  const int kinds = (text ? 1 : 0) + (vision ? 1 : 0) + (audio ? 1 : 0);
  if (kinds > 1) return "multimodal";
  if (vision) return "vision";
  if (audio) return "audio";
  return text ? "text" : "";
}

Status check_stated(const models::ModelFolder& folder, const LoadOptions& options) {
  const std::string_view source = folder.source();
  if (!options.model_format.empty() && options.model_format != source) {
    return invalid_argument(
        fmt::format("{}: expected a model made of {}, as model_format says, found {}; name its "
                    "file itself, or leave model_format out",
                    folder.path().string(), options.model_format, source));
  }
  if (options.model_type.empty()) return {};
  const Result<models::Head> own = folder.head();
  std::vector<std::string> inputs;
  for (const models::InputSpec& input : folder.inputs(own.ok() ? *own : models::Head::kBase)) {
    inputs.emplace_back(input.name);
  }
  const std::string_view type = type_of_inputs(inputs);
  if (type.empty() || type == options.model_type) return {};
  return invalid_argument(fmt::format("{}: expected a model of {}, as model_type says, found one "
                                      "of {}",
                                      folder.path().string(), options.model_type, type));
}

}  // namespace accel::engine
