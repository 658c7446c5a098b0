#include "config/commented_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace accel::config {
namespace {

constexpr size_t kColumns = 100;

constexpr std::string_view kHead =
    R"(# Options of accel. Every line is a comment: take the first # away from those that you want.
# Stronger than this file are flags and code, and variables of the environment; of one model what
# stands below its name in model_overrides. Paths are relative to the folder accel is started in.
)";

constexpr std::string_view kModelSection = R"(
# What holds for one model only: a backend, or options by their last names.
#model_overrides:
#  gpt2: openvino
#  t5-small:
#    backend: reference
#    precision: f32
#    pinned: true
)";

struct Section {
  OptionGroup group;
  std::string_view title;
  std::string_view name;  // dotted; empty: at the top
};
constexpr std::array<Section, 7> kSections{
    {{OptionGroup::kBackend, "What computes.", "backend"},
     {OptionGroup::kEngine, "How the engine runs models.", "backend.openvino"},
     {OptionGroup::kGpu, "On GPUs.", "backend.openvino"},
     {OptionGroup::kPlain, "How the plain backend does.", "backend.pytorch"},
     {OptionGroup::kManager, "What the model manager keeps in memory.", "manager"},
     {OptionGroup::kServer, "What accel serve takes.", "server"},
     {OptionGroup::kModel, "Which model.", ""}}};

std::string comment(std::string_view text) {
  std::string lines;
  std::string line = "#";
  for (const std::string_view word : words_of(text)) {
    if (line.size() + 1 + word.size() > kColumns) {
      lines += line + "\n";
      line = "#";
    }
    line += " " + std::string(word);
  }
  lines += line + "\n";
  if (lines.size() > 2) lines[2] = static_cast<char>(std::toupper(lines[2]));
  return lines;
}

// A value of the option, to be changed.
std::string example_of(const Option& option) {
  if (option.key == "cache_dir") return "models/openvino";
  if (option.key == "hang_seconds") return "60";
  if (option.key == "input_files") return "/srv/images";
  if (option.key == "input_hosts") return "images.example.org";
  if (option.key == "task") return "fill-mask";
  if (option.key == "warm_up") return "a text of the usual length";
  if (option.key == "model_path") return "models/minilm";
  if (option.type == OptionType::kPriorities) return "[\"GPU(1.5)\", \"CPU(1.0)\"]";
  if (option.type == OptionType::kRules) {
    return "[{tokens_below: 32, device: CPU/1}, {device: GPU}]";
  }
  if (option.type == OptionType::kShapes) return "{pixel_values: [1, 3, 224, 224]}";
  if (option.type == OptionType::kCommands) {
    return "{.h5: [h5-to-onnx, \"{input}\", \"{output}\"]}";
  }
  return std::string(option.default_text);
}

std::string_view last_part(std::string_view name) {
  const size_t dot = name.find_last_of('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

size_t depth_of(std::string_view section) {
  return section.empty() ? 0 : 1 + static_cast<size_t>(std::ranges::count(section, '.'));
}

// One option of a section, its lines indented as deep.
std::string lines_of(const Option& option, size_t depth) {
  return comment(fmt::format("{} ({})", option.help, expected_text(option))) +
         fmt::format("#{}{}: {}\n", std::string(2 * depth, ' '), last_part(usual_name(option)),
                     example_of(option));
}

}  // namespace

std::string usual_name(const Option& option) {
  switch (option.group) {
    case OptionGroup::kBackend: return "backend.default";
    case OptionGroup::kPlain: return "backend.pytorch.device";
    case OptionGroup::kEngine:
    case OptionGroup::kGpu: return "backend.openvino." + std::string(option.key);
    case OptionGroup::kManager: return "manager." + std::string(option.key);
    case OptionGroup::kServer: return "server." + std::string(option.key);
    case OptionGroup::kModel: return std::string(option.key);
  }
  return "";
}

std::string commented_file() {
  std::string text(kHead);
  std::string_view opened;
  for (const Section& section : kSections) {
    text += fmt::format("\n# {}\n", section.title);
    if (section.name != opened && !section.name.empty()) {
      // "backend" is open when "backend.openvino" comes.
      const bool nested = section.name.find('.') != std::string_view::npos;
      text += fmt::format("#{}{}:\n", nested ? "  " : "", last_part(section.name));
    }
    opened = section.name;
    for (const Option& option : options()) {
      if (option.group != section.group || option.scope == OptionScope::kModel) continue;
      text += lines_of(option, depth_of(section.name));
    }
  }
  return text + std::string(kModelSection);
}

}  // namespace accel::config
