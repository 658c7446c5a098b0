#include "config/layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

#include "base/json.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "config/yaml.h"

namespace accel::config {
namespace {

constexpr std::string_view kOverrides = "model_overrides";
constexpr std::string_view kModels = "models";
constexpr size_t kNamedModelsMax = 1024;
constexpr size_t kModelNameBytesMax = 1024;

// Whether an option may be given for all models or, else, for one.
bool stands(const Option& option, OptionScope scope) {
  return option.scope == OptionScope::kAny || option.scope == scope;
}

// The next words of the names that begin with `section` ("" or "backend.openvino."), sorted.
std::vector<std::string_view> names_in(std::string_view section, OptionScope scope) {
  std::set<std::string_view> words;
  for (const OptionName& known : option_names()) {
    std::string_view name = known.name;
    if (!name.starts_with(section) || !stands(*known.option, scope)) continue;
    name.remove_prefix(section.size());
    words.insert(name.substr(0, name.find('.')));
  }
  if (section.empty() && scope == OptionScope::kAll) words.insert({kOverrides, kModels});
  return {words.begin(), words.end()};
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(option_names(), [&](const OptionName& known) {
    return known.name.size() > name.size() && known.name.starts_with(name) &&
           known.name[name.size()] == '.';
  });
}

// One file, read into a layer.
class FileReader {
 public:
  explicit FileReader(std::string_view file) : file_(file) {}

  Result<Layer> read(const YamlNode& root);

 private:
  // Where the reader is: a section's names begin with `section`.
  struct Place {
    std::string section;
    OptionScope scope = OptionScope::kAll;
    std::string model;  // of kModel
    Values* values = nullptr;
  };

  Status wrong(const YamlNode& node, std::string_view what) const {
    return invalid_argument(fmt::format("{}:{}: {}", file_, node.line, what));
  }
  Status unknown(const YamlNode& node, const Place& place) const;
  Status read_section(const YamlNode& node, const Place& place);
  Status read_entry(const YamlNode& node, const Place& place);
  Status read_value(const YamlNode& node, const Option& option, const Place& place);
  Status read_models(const YamlNode& node);
  Result<std::string> text_of(const YamlNode& node, const Option& option) const;
  Result<std::string> shapes_of(const YamlNode& node) const;
  Result<std::string> commands_of(const YamlNode& node, const Option& option) const;
  Result<std::string> rules_of(const YamlNode& node) const;

  const std::string_view file_;
  Layer layer_;
};

Result<Layer> FileReader::read(const YamlNode& root) {
  if (root.kind != YamlKind::kMap && root.kind != YamlKind::kNull) {
    return wrong(root, "expected a mapping of options (device: CPU)");
  }
  ACCEL_TRY(read_section(root, {.values = &layer_.all}));
  return std::move(layer_);
}

Status FileReader::unknown(const YamlNode& node, const Place& place) const {
  const std::string where =
      place.section.empty() ? "" : " in " + place.section.substr(0, place.section.size() - 1);
  const Option* elsewhere = find_by_name(place.section + node.key);
  if (elsewhere != nullptr) {
    return wrong(
        node, place.scope == OptionScope::kModel
                  ? fmt::format("{} holds for all models; put it outside {}", node.key, kOverrides)
                  : fmt::format("{} is said of one model; put it below its name in {}", node.key,
                                kOverrides));
  }
  const auto known = names_in(place.section, place.scope);
  std::string hint = did_you_mean(node.key, known);
  if (hint.empty()) hint = fmt::format("; expected one of {}", fmt::join(known, ", "));
  return wrong(node, fmt::format("unknown key '{}'{}{}", node.key, where, hint));
}

Status FileReader::read_section(const YamlNode& node, const Place& place) {
  for (const YamlNode& entry : node.children) ACCEL_TRY(read_entry(entry, place));
  return {};
}

Status FileReader::read_entry(const YamlNode& node, const Place& place) {
  const std::string name = place.section + node.key;
  const bool top = place.section.empty() && place.scope == OptionScope::kAll;
  if (top && (name == kOverrides || name == kModels)) return read_models(node);
  const Option* option = find_by_name(name);
  const bool fits = option != nullptr && stands(*option, place.scope);
  const bool mapping = node.kind == YamlKind::kMap;
  const bool section = is_section(name) && (mapping || node.kind == YamlKind::kNull);
  if (fits && !section) return read_value(node, *option, place);
  if (!is_section(name) || names_in(name + ".", place.scope).empty()) return unknown(node, place);
  if (node.kind == YamlKind::kNull) return {};
  if (!mapping) return wrong(node, fmt::format("{}: expected a mapping of options", name));
  Place below = place;
  below.section = name + ".";
  return read_section(node, below);
}

Status FileReader::read_value(const YamlNode& node, const Option& option, const Place& place) {
  if (node.kind == YamlKind::kNull) {
    return wrong(node, fmt::format("{}: expected {}, found nothing; leave the line out for the "
                                   "default",
                                   node.key, expected_text(option)));
  }
  auto text = text_of(node, option);
  if (!text.ok()) return text.status();
  std::string source = fmt::format("{}:{}", file_, node.line);
  if (!place.model.empty()) source += fmt::format(" ({} of {})", kOverrides, place.model);
  const auto [at, is_new] = place.values->emplace(option.key, Value{std::move(*text), source});
  if (is_new) return {};
  return wrong(node, fmt::format("{} is the same option as that of {}; give it once", node.key,
                                 at->second.source));
}

Result<std::string> FileReader::text_of(const YamlNode& node, const Option& option) const {
  if (option.type == OptionType::kCommands) return commands_of(node, option);
  std::string text = node.text;
  if (option.type == OptionType::kPriorities && node.kind == YamlKind::kList) {
    text.clear();
    for (const YamlNode& one : node.children) {
      if (one.kind != YamlKind::kScalar) return wrong(one, "expected a device, as 'GPU(1.5)'");
      text += (text.empty() ? "" : ",") + one.text;
    }
  } else if (option.type == OptionType::kShapes && node.kind == YamlKind::kMap) {
    ACCEL_ASSIGN(text, shapes_of(node));
  } else if (option.type == OptionType::kRules && node.kind == YamlKind::kList) {
    ACCEL_ASSIGN(text, rules_of(node));
  } else if (node.kind != YamlKind::kScalar) {
    return wrong(node, fmt::format("{}: expected {}, found a {}", node.key, expected_text(option),
                                   node.kind == YamlKind::kList ? "list" : "mapping"));
  }
  auto found = canonical(option, text);
  if (!found.ok()) return wrong(node, node.key + ": " + found.status().message());
  return found;
}

// "pixel_values=[1,3,224,224]", with more after a space.
Result<std::string> FileReader::shapes_of(const YamlNode& node) const {
  std::string shapes;
  for (const YamlNode& input : node.children) {
    std::vector<std::string_view> sizes;
    for (const YamlNode& size : input.children) {
      int64_t number = 0;
      const char* end = size.text.data() + size.text.size();
      const auto read = std::from_chars(size.text.data(), end, number);
      if (read.ec != std::errc() || read.ptr != end || number < 1) {
        return wrong(size, fmt::format("{}: expected a size of at least 1, found '{}'", input.key,
                                       size.text));
      }
      sizes.push_back(size.text);
    }
    if (input.kind != YamlKind::kList) {
      return wrong(input, fmt::format("{}: expected a list of sizes: [1, 3, 224, 224]", input.key));
    }
    shapes += fmt::format("{}{}=[{}]", shapes.empty() ? "" : " ", input.key, fmt::join(sizes, ","));
  }
  return shapes;
}

// The mapping as JSON.
Result<std::string> FileReader::commands_of(const YamlNode& node, const Option& option) const {
  if (node.kind != YamlKind::kMap) {
    return wrong(node, "expected suffixes with commands: {.h5: [h5-to-onnx, '{input}', "
                       "'{output}']}");
  }
  Json commands = Json::object();
  for (const YamlNode& command : node.children) {
    if (command.kind == YamlKind::kScalar) {
      commands[command.key] = command.text;
      continue;
    }
    Json words = Json::array();
    for (const YamlNode& word : command.children) {
      if (command.kind != YamlKind::kList || word.kind != YamlKind::kScalar) {
        return wrong(word, fmt::format("{}: expected a list of words; quote '{{input}}' and "
                                       "'{{output}}' in it",
                                       command.key));
      }
      words.push_back(word.text);
    }
    commands[command.key] = std::move(words);
  }
  auto text = canonical(option, commands.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!text.ok()) return wrong(node, node.key + ": " + text.status().message());
  return text;
}

// "tokens_below=32 device=CPU/1; device=GPU".
Result<std::string> FileReader::rules_of(const YamlNode& node) const {
  std::string rules;
  for (const YamlNode& rule : node.children) {
    if (rule.kind != YamlKind::kMap) {
      return wrong(rule, "expected a rule, as {tokens_below: 32, device: CPU/1}");
    }
    if (!rules.empty()) rules += "; ";
    for (const YamlNode& part : rule.children) {
      const bool fine = part.kind == YamlKind::kScalar &&
                        (part.key + part.text).find_first_of(" ;=") == std::string::npos;
      if (!fine) return wrong(part, part.key + ": expected a number or a name");
      rules += fmt::format("{}={} ", part.key, part.text);
    }
  }
  return rules;
}

Status FileReader::read_models(const YamlNode& node) {
  if (node.kind == YamlKind::kNull) return {};
  if (node.kind != YamlKind::kMap) {
    return wrong(node,
                 fmt::format("{}: expected a mapping from models (gpt2: openvino)", node.key));
  }
  if (node.children.size() > kNamedModelsMax) {
    return wrong(node, fmt::format("{}: expected at most {} models", node.key, kNamedModelsMax));
  }
  for (const YamlNode& model : node.children) {
    if (model.key.size() > kModelNameBytesMax) return wrong(model, "expected a shorter name");
    Values& values = layer_.models[model.key];
    if (!values.empty()) return wrong(model, fmt::format("'{}' stands twice", model.key));
    const Place place{.scope = OptionScope::kModel, .model = model.key, .values = &values};
    if (model.kind == YamlKind::kMap) {
      ACCEL_TRY(read_section(model, place));
    } else {
      ACCEL_TRY(read_value(model, *find_option("backend"), place));
    }
  }
  return {};
}

}  // namespace

Result<Layer> layer_of_file(std::string_view text, std::string_view name) {
  ACCEL_ASSIGN(const YamlNode root, parse_yaml(text, name));
  return FileReader(name).read(root);
}

Result<Layer> layer_of_environment(const Variable& variable) {
  Layer layer;
  for (const Option& option : options()) {
    if (option.variable.empty()) continue;
    const char* text = variable(std::string(option.variable).c_str());
    if (text == nullptr || *text == '\0') continue;
    auto value = canonical(option, text);
    if (!value.ok()) return value.status().with_context(option.variable);
    layer.all[option.key] = {std::move(*value), std::string(option.variable)};
  }
  return layer;
}

Result<Values> values_of_settings(std::span<const ConfigSetting> settings, std::string_view source,
                                  OptionScope scope) {
  Values values;
  for (const ConfigSetting& setting : settings) {
    const Option* option = find_by_name(setting.key);
    const std::string said = setting.source.empty() ? std::string(source) : setting.source;
    if (option == nullptr) {
      std::vector<std::string_view> names;
      for (const OptionName& known : option_names()) names.push_back(known.name);
      return invalid_argument(fmt::format("{}: unknown option '{}'{}", said, setting.key,
                                          did_you_mean(setting.key, names)));
    }
    if (!stands(*option, scope)) {
      return invalid_argument(fmt::format(
          "{}: {} is said of {}", said, setting.key,
          option->scope == OptionScope::kModel ? "one model" : "all models, not of one"));
    }
    auto value = canonical(*option, setting.value);
    // A flag is called like its option.
    if (!value.ok()) {
      return value.status().with_context(said.starts_with("--") ? said : said + ": " + setting.key);
    }
    values[option->key] = {std::move(*value), said};
  }
  return values;
}

}  // namespace accel::config
