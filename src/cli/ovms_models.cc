#include "cli/ovms_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/try.h"
#include "ovms/config_file.h"
#include "ovms/version_folders.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

// Later looks at the same path lose: what was read first counts.
void watch(const fs::path& path, ServedSetup& setup) {
  setup.files.merge(look_at({path.string()}));
}

// The models of a config.json; relative paths start at its folder.
Result<ovms::ModelList> read_list(const std::string& given, ServedSetup& setup) {
  std::error_code ignored;
  fs::path path = given;
  if (fs::is_directory(path, ignored)) path /= "config.json";
  watch(path, setup);
  ACCEL_ASSIGN(const std::string text, read_file(path, ovms::kConfigBytesMax));
  ACCEL_ASSIGN(ovms::ModelList list, ovms::parse_config(text, path.string()));
  for (ovms::ModelEntry& entry : list.models) {
    entry.base_path = (path.parent_path() / entry.base_path).string();
  }
  return list;
}

Status add_versions(const ovms::ModelEntry& entry, const ovms::FoundVersions& found,
                    const Config& config, ServedSetup& setup) {
  for (const ovms::FoundVersion& one : found.versions) {
    std::vector<ConfigSetting> settings = entry.settings;
    settings.push_back({"model_path", one.path.string(), "base_path"});
    ACCEL_ASSIGN(ModelDefinition definition, config.definition(entry.name, settings));
    definition.version = one.version;
    definition.load.use = Use::kRun;
    if (definition.memory_bytes_max == setup.manager.memory_bytes_max) {
      definition.memory_bytes_max = 0;
    }
    setup.models.push_back(
        {.definition = std::move(definition), .argument = true, .versioned = true});
  }
  return {};
}

Status add_entry(const ovms::ModelEntry& entry, bool listed, const Config& config,
                 ServedSetup& setup) {
  const bool taken = std::ranges::any_of(
      setup.models, [&](const ServedDefinition& one) { return one.definition.name == entry.name; });
  if (taken) {
    return already_exists(fmt::format("two models are called '{}': expected other names for those "
                                      "of OpenVINO Model Server's flags",
                                      entry.name));
  }
  ovms::ModelEntry absolute = entry;
  std::error_code error;
  absolute.base_path = fs::absolute(entry.base_path, error).lexically_normal().string();
  watch(absolute.base_path, setup);
  const Result<ovms::FoundVersions> found = ovms::find_versions(absolute);
  if (found.ok()) {
    for (const std::string& text : found->notices) {
      setup.notices.push_back(fmt::format("model '{}': {}", entry.name, text));
    }
    return add_versions(absolute, *found, config, setup);
  }
  Status status = found.status().with_context(fmt::format("model '{}'", entry.name));
  if (!listed || status.code() != StatusCode::kNotFound) return status;
  setup.notices.push_back(status.message() + "; it is served as soon as one is there");
  return {};
}

}  // namespace

bool has_models(const ovms::Translated& translated) {
  return translated.model.has_value() || !translated.config_path.empty();
}

Status add_ovms_models(const ovms::Translated& translated, const Config& config,
                       ServedSetup& setup) {
  if (translated.model) return add_entry(*translated.model, /*listed=*/false, config, setup);
  if (translated.config_path.empty()) return {};
  ACCEL_ASSIGN(const ovms::ModelList list, read_list(translated.config_path, setup));
  setup.notices.insert(setup.notices.end(), list.notices.begin(), list.notices.end());
  for (const ovms::ModelEntry& entry : list.models) {
    ACCEL_TRY(add_entry(entry, /*listed=*/true, config, setup));
  }
  return {};
}

}  // namespace accel::cli
