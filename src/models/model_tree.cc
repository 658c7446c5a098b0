#include "models/model_tree.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "hub/hub_cache.h"
#include "hub/model_name.h"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;

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
      if (snapshot && is_model(*snapshot)) found_.push_back({repository, *snapshot});
      return;
    }
    if (is_model(folder)) {
      const fs::path below = folder.lexically_relative(root_);
      found_.push_back({below == "." ? own : below.string(), folder});
      return;
    }
    for (const fs::path& inner : folders_in(folder)) visit(inner, depth + 1);
  }

  std::vector<FoundModel> take() {
    std::ranges::sort(found_, {}, &FoundModel::name);
    return std::move(found_);
  }

 private:
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
