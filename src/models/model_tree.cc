#include "models/model_tree.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/json.h"
#include "hub/cache_walk.h"
#include "hub/hub_cache.h"
#include "hub/model_name.h"
#include "models/foreign/format.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;
using hub::folders_in;
using hub::is_file;
using hub::is_folder;

constexpr int kDeepest = 16;

bool is_model(const fs::path& folder) {
  if (is_file(folder / "modules.json")) return true;
  if (!is_file(folder / "config.json")) return false;
  const Result<Json> config = read_json(folder / "config.json");
  return config.ok() && config->is_object() && config->contains("model_type");
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

class Search {
 public:
  explicit Search(const fs::path& root) : root_(root) {}

  void visit(const fs::path& folder, int depth) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error || depth > kDeepest || !seen_.insert(real).second) return;
    const std::string own = folder.filename().string();
    const std::string repository = hub::repository_of_folder(own);
    if (!repository.empty() && is_folder(folder / "snapshots")) {
      const auto snapshot = hub::find_snapshot(folder, "");
      if (!snapshot) return;
      if (is_model(*snapshot)) {
        found_.push_back({repository, *snapshot});
      } else {
        add_files(*snapshot, repository);
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

Result<std::vector<FoundModel>> find_models(const fs::path& tree) {
  if (!is_folder(tree)) {
    return not_found(tree.string() + ": expected a folder to look for models in, found none");
  }
  Search search(tree);
  search.visit(tree, 0);
  return search.take();
}

}  // namespace accel::models
