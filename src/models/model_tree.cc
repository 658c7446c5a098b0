#include "models/model_tree.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "models/conversion_advice.h"
#include "models/foreign/format.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;
constexpr uint64_t kReferenceBytesMax = 4096;
constexpr std::string_view kRepositoryPrefix = "models--";

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_model(const fs::path& folder) {
  if (is_file(folder / "modules.json")) return true;
  if (!is_file(folder / "config.json")) return false;
  const Result<Json> config = read_json(folder / "config.json");
  return config.ok() && config->is_object() && config->contains("model_type");
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (is_folder(at->path())) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

// Whether the file is a model by itself: the only one or the first part of a GGUF model, or a
// graph.
bool is_model_file(const fs::path& file) {
  const std::string name = file.filename().string();
  const auto ends = [&name](std::string_view suffix) { return name.ends_with(suffix); };
  if (ends(".gguf")) {
    return name.find("-of-") == std::string::npos || name.find("-00001-of-") != std::string::npos;
  }
  constexpr std::array<std::string_view, 5> kGraphs{".onnx", ".xml", ".pb", ".tflite", ".pdmodel"};
  if (std::ranges::none_of(kGraphs, ends)) return false;
  const auto format = foreign::format_of(file);
  return format.ok() && format->has_value();
}

std::vector<fs::path> model_files_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (is_file(at->path()) && is_model_file(at->path())) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

// Of "models--ORG--NAME", the snapshot in use.
std::optional<fs::path> current_snapshot(const fs::path& repository) {
  const fs::path snapshots = repository / "snapshots";
  const Result<std::string> reference = read_file(repository / "refs" / "main", kReferenceBytesMax);
  if (reference.ok()) {
    const std::string revision = reference->substr(0, reference->find_first_of(" \r\n"));
    const bool plain = !revision.empty() && revision.find('/') == std::string::npos &&
                       revision.find("..") == std::string::npos;
    if (plain && is_folder(snapshots / revision)) return snapshots / revision;
  }
  const std::vector<fs::path> all = folders_in(snapshots);
  if (all.size() == 1) return all.front();
  return std::nullopt;
}

// "models--ORG--NAME" to "ORG/NAME".
std::string repository_name(std::string_view folder) {
  std::string name(folder.substr(kRepositoryPrefix.size()));
  if (const size_t at = name.find("--"); at != std::string::npos) name.replace(at, 2, "/");
  return name;
}

class Search {
 public:
  explicit Search(const fs::path& root) : root_(root) {}

  void visit(const fs::path& folder, int depth) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error || depth > kDeepest || !seen_.insert(real).second) return;
    const std::string own = folder.filename().string();
    if (own.starts_with(kRepositoryPrefix) && is_folder(folder / "snapshots")) {
      const auto snapshot = current_snapshot(folder);
      if (!snapshot) return;
      if (is_model(*snapshot)) {
        found_.push_back({repository_name(own), *snapshot});
      } else {
        add_files(*snapshot, repository_name(own));
      }
      return;
    }
    const fs::path below = folder.lexically_relative(root_);
    const std::string name = below == "." ? own : below.string();
    if (is_model(folder)) {
      found_.push_back({name, folder});
      return;
    }
    add_files(folder, name);
    for (const fs::path& inner : folders_in(folder)) visit(inner, depth + 1);
  }

  std::vector<FoundModel> take() {
    std::ranges::sort(found_, {}, &FoundModel::name);
    return std::move(found_);
  }

 private:
  // Models that are files of `folder`, which is called `name`.
  void add_files(const fs::path& folder, const std::string& name) {
    const std::vector<fs::path> files = model_files_in(folder);
    if (files.size() == 1) {
      found_.push_back({name, folder});
      return;
    }
    for (const fs::path& file : files) {
      found_.push_back({(fs::path(name) / file.filename()).string(), file});
    }
  }

  fs::path root_;
  std::set<fs::path> seen_;
  std::vector<FoundModel> found_;
};

}  // namespace

fs::path hub_cache() {
  const auto variable = [](const char* name) {
    const char* value = ::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (fs::path cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const fs::path home = variable("HF_HOME"); !home.empty()) return home / "hub";
  if (const fs::path caches = variable("XDG_CACHE_HOME"); !caches.empty()) {
    return caches / "huggingface" / "hub";
  }
  const fs::path home = variable("HOME");
  return home.empty() ? home : home / ".cache" / "huggingface" / "hub";
}

Result<fs::path> locate_model(const std::string& name, const fs::path& cache) {
  const fs::path path = name;
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    if (is_file(path / "config.json") || is_file(path / "modules.json")) return path;
    if (is_folder(path / "snapshots")) {
      if (const auto snapshot = current_snapshot(path)) return *snapshot;
      return not_found(fmt::format("{}: expected refs/main naming one of its snapshots, found {} "
                                   "snapshots; give the folder of one",
                                   name, folders_in(path / "snapshots").size()));
    }
    return path;  // its opener says what it lacks
  }
  const bool repository = !path.is_absolute() && name.find("..") == std::string::npos &&
                          std::ranges::count(name, '/') <= 1 && !cache.empty();
  if (repository) {
    std::string folder = name;
    if (const size_t at = folder.find('/'); at != std::string::npos) folder.replace(at, 1, "--");
    const fs::path found = cache / (std::string(kRepositoryPrefix) + folder);
    if (const auto snapshot = current_snapshot(found)) return *snapshot;
  }
  const std::string line = conversion_advice(name);
  return not_found(
      fmt::format("{}: expected a model folder with config.json, found nothing{}{}", name,
                  repository ? fmt::format(", nor a model of that name in {}", cache.string()) : "",
                  line.empty() ? "" : "; a converted model is made by: " + line));
}

Result<std::vector<FoundModel>> find_models(const fs::path& tree) {
  if (!is_folder(tree)) {
    return not_found(tree.string() + ": expected a folder to look for models in, found none");
  }
  Search search(tree);
  search.visit(tree, 0);
  return search.take();
}

}  // namespace accel::models
