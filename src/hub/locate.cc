#include "hub/locate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/try.h"
#include "hub/aliases.h"
#include "hub/cache_walk.h"
#include "hub/conversion_advice.h"
#include "hub/hub_cache.h"
#include "hub/model_name.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

// What a path turns out to be; nothing when there is no such path.
Result<std::optional<fs::path>> at_path(const std::string& name) {
  const fs::path path = name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::optional<fs::path>();
  const bool model = is_file(path / "config.json") || is_file(path / "modules.json");
  if (!model && is_folder(path / "snapshots")) {
    if (auto snapshot = find_snapshot(path, "")) return snapshot;
    return not_found(fmt::format("{}: expected refs/main naming one of its snapshots, found {} "
                                 "snapshots; give the folder of one",
                                 name, folders_in(path / "snapshots").size()));
  }
  return std::optional(path);  // its opener says what it lacks
}

// "org/name" of the cache that has the same name with an organisation before it.
std::string namesake(const fs::path& cache, const std::string& name) {
  if (name.find('/') != std::string::npos) return "";
  for (const fs::path& folder : folders_in(cache)) {
    std::string known = repository_of_folder(folder.filename().string());
    if (known.ends_with("/" + name)) return known;
  }
  return "";
}

// A name of the hub that is no misspelt path: nobody would pull "model.onnx".
bool is_worth_pulling(const std::string& name) {
  constexpr std::array<std::string_view, 9> kFileSuffixes{
      ".onnx", ".gguf", ".xml", ".json", ".safetensors", ".bin", ".pb", ".pt", ".tflite"};
  return std::ranges::none_of(kFileSuffixes,
                              [&](std::string_view suffix) { return name.ends_with(suffix); });
}

Status missing(const std::string& name, const ModelName* repository, const Places& where) {
  std::string looked = "no such path";
  if (!where.aliases.empty()) looked += ", no alias of that name in " + where.aliases.string();
  const std::string conversion = conversion_advice(name);
  std::string advice = conversion.empty() ? "" : "; a converted model is made by: " + conversion;
  if (repository == nullptr) {
    return not_found(fmt::format("{}: expected a model, found {}{}", name, looked, advice));
  }
  if (!where.cache.empty()) {
    const ModelPlaces model(where.cache, *repository);
    looked += is_folder(model.folder) ? ", and no whole snapshot of it in " + model.folder.string()
                                      : ", and no model of that name in " + where.cache.string();
    const std::string other = namesake(where.cache, repository->repository);
    if (!other.empty()) advice = "; did you mean " + other + "?";
  }
  if (advice.empty() && is_worth_pulling(name)) {
    advice = "; to get it from the hub: accel pull " + repository->text();
  }
  return not_found(fmt::format("{}: expected a model, found {}{}", name, looked, advice));
}

}  // namespace

Result<fs::path> locate_model(const std::string& name, const Places& where) {
  ACCEL_ASSIGN(const auto direct, at_path(name));
  if (direct) return *direct;
  ACCEL_ASSIGN(const std::string target, Aliases(where.aliases).resolve(name));
  if (target != name) {
    const std::string context = "the alias '" + name + "'";
    const auto aliased = at_path(target);
    if (!aliased.ok()) return aliased.status().with_context(context);
    if (*aliased) return **aliased;
    auto found = locate_model(target, {.cache = where.cache, .aliases = {}});
    return found.ok() ? found : found.status().with_context(context);
  }
  if (name == kDefaultName) {
    auto found = locate_model(kDefaultModel, where);
    return found.ok() ? found
                      : found.status().with_context(
                            "the default model (accel alias default MODEL chooses another)");
  }
  const Result<ModelName> repository = parse_model_name(name);
  if (!repository.ok()) return missing(name, nullptr, where);
  if (!where.cache.empty()) {
    const fs::path folder = ModelPlaces(where.cache, *repository).folder;
    if (const auto snapshot = find_snapshot(folder, repository->revision)) return *snapshot;
  }
  return missing(name, &*repository, where);
}

}  // namespace accel::hub
