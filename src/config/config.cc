#include "accel/config.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <set>

#include "base/files.h"
#include "base/try.h"
#include "config/command_text.h"
#include "config/commented_file.h"
#include "config/merge.h"
#include "config/places.h"
#include "config/yaml.h"

namespace accel {

struct Config::State {
  std::string file;
  std::vector<config::Layer> layers;  // the strongest first: code, profile, environment, file
};

namespace {

namespace fs = std::filesystem;

const char* variable_of_process(const char* name) { return ::getenv(name); }

// NAME/NAME.xml below a folder, as `accel convert` writes in the flat layout.
std::string converted_in(const std::string& folder, const std::string& model) {
  if (folder.empty() || model.empty()) return "";
  const std::string last = fs::path(model).filename().string();
  std::error_code ignored;
  const fs::path graph = fs::path(folder) / model / (last + ".xml");
  return fs::is_regular_file(graph, ignored) ? graph.string() : "";
}

std::string_view name_of(config::OptionGroup group) {
  switch (group) {
    case config::OptionGroup::kBackend: return "backend";
    case config::OptionGroup::kEngine: return "engine";
    case config::OptionGroup::kPlain: return "plain";
    case config::OptionGroup::kModel: return "model";
    case config::OptionGroup::kManager: return "manager";
    case config::OptionGroup::kGpu: return "gpu";
    case config::OptionGroup::kServer: return "server";
  }
  return "";
}

}  // namespace

std::string Config::find_file() { return config::find_file(variable_of_process); }

Result<Config> Config::read(const ConfigSources& sources) {
  auto state = std::make_shared<State>();
  state->file = sources.file;
  config::Layer code;
  ACCEL_ASSIGN(code.all,
               config::values_of_settings(sources.settings, "code", config::OptionScope::kAll));
  for (const auto& [model, settings] : sources.models) {
    ACCEL_ASSIGN(code.models[model], config::values_of_settings(settings, "code, of " + model,
                                                                config::OptionScope::kModel));
  }
  state->layers.push_back(std::move(code));
  if (!sources.profile_file.empty()) {
    ACCEL_ASSIGN(const std::string text, read_file(sources.profile_file, config::kYamlBytesMax));
    ACCEL_ASSIGN(config::Layer profile, config::layer_of_file(text, sources.profile_file));
    state->layers.push_back(std::move(profile));
  }
  if (sources.environment) {
    ACCEL_ASSIGN(config::Layer environment, config::layer_of_environment(variable_of_process));
    state->layers.push_back(std::move(environment));
  }
  if (!sources.file.empty()) {
    ACCEL_ASSIGN(const std::string text, read_file(sources.file, config::kYamlBytesMax));
    ACCEL_ASSIGN(config::Layer file, config::layer_of_file(text, sources.file));
    const auto converters = file.all.find("converters");
    if (!sources.programs && converters != file.all.end()) {
      return permission_denied(
          converters->second.source +
          ": converters run programs, and this file was only found in the current folder; if it "
          "is yours, name it: --config " +
          sources.file + ", or ACCEL_CONFIG=" + sources.file);
    }
    state->layers.push_back(std::move(file));
  }
  return Config(std::move(state));
}

std::vector<EffectiveOption> Config::effective(const std::string& model) const {
  std::vector<EffectiveOption> shown;
  const auto effective = config::merge(state_->layers, model);
  for (const config::Effective& one : effective) {
    shown.push_back({std::string(one.option->key), one.value.text, one.value.source,
                     config::note_of(effective, one)});
  }
  return shown;
}

Result<LoadOptions> Config::load_options(const std::string& model,
                                         const std::vector<ConfigSetting>& settings) const {
  ACCEL_ASSIGN(ModelDefinition defined, definition(model, settings));
  return std::move(defined.load);
}

Result<ModelDefinition> Config::definition(const std::string& model,
                                           const std::vector<ConfigSetting>& settings) const {
  std::vector<config::Layer> layers = state_->layers;
  config::Layer call;
  ACCEL_ASSIGN(call.models[model],
               config::values_of_settings(settings, "code", config::OptionScope::kModel));
  layers.insert(layers.begin(), std::move(call));
  auto effective = config::merge(layers, model);
  const auto value = [&](std::string_view key) {
    return config::effective_of(effective, key).value.text;
  };
  ModelDefinition definition{
      .name = model,
      .load = config::load_options_of(effective, model),
      .memory_bytes_max = config::manager_options_of(effective).memory_bytes_max,
      .pinned = value("pinned") == "true"};
  if (value("model_path").empty() && definition.load.backend == "openvino") {
    const std::string converted = converted_in(value("cache_dir"), model);
    if (!converted.empty()) definition.load.path = converted;
  }
  return definition;
}

ManagerOptions Config::manager_options() const {
  return config::manager_options_of(config::merge(state_->layers, ""));
}

EngineOptions Config::engine_options() const {
  const auto effective = config::merge(state_->layers, "");
  EngineOptions options = config::engine_options_of(effective);
  const std::string& text = config::effective_of(effective, "converters").value.text;
  if (text.empty()) return options;
  auto commands = config::parse_commands(text);
  if (!commands.ok()) std::abort();  // our own bug: the text is in canonical form
  for (config::SuffixCommand& command : *commands) {
    auto converter = program_converter(command.suffix, std::move(command.words));
    if (converter.ok()) options.converters.push_back(std::move(*converter));
  }
  // ".tar.gz" before ".gz".
  std::ranges::stable_sort(options.converters, std::ranges::greater(),
                           [](const ModelConverter& one) { return one.name.size(); });
  return options;
}

std::vector<std::string> Config::models() const {
  std::set<std::string> names;
  for (const config::Layer& layer : state_->layers) {
    for (const auto& [name, values] : layer.models) names.insert(name);
  }
  return {names.begin(), names.end()};
}

const std::string& Config::file() const { return state_->file; }

std::vector<OptionReport> Config::options() {
  std::vector<OptionReport> reports;
  for (const config::Option& option : config::options()) {
    OptionReport& report =
        reports.emplace_back(OptionReport{.key = std::string(option.key),
                                          .group = std::string(name_of(option.group)),
                                          .expected = config::expected_text(option),
                                          .default_value = std::string(option.default_text),
                                          .help = std::string(option.help),
                                          .names = {config::usual_name(option)},
                                          .variable = std::string(option.variable),
                                          .flag = std::string(option.flag),
                                          .per_model = option.scope != config::OptionScope::kAll,
                                          .for_all = option.scope != config::OptionScope::kModel});
    for (const config::OptionName& name : config::option_names()) {
      if (name.option == &option && name.name != report.names.front()) {
        report.names.push_back(name.name);
      }
    }
  }
  return reports;
}

std::string Config::commented_file() { return config::commented_file(); }

}  // namespace accel
