#include "engine/shown_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

#include "hub/locate.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

bool continues_a_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// Whether `path` stands at `at` of `text` as a path of its own.
bool stands_at(std::string_view text, size_t at, std::string_view path) {
  if (!text.substr(at).starts_with(path)) return false;
  const size_t end = at + path.size();
  const bool begins = at == 0 || (!continues_a_name(text[at - 1]) && text[at - 1] != '/');
  const bool dotted = end + 1 < text.size() && text[end] == '.' && continues_a_name(text[end + 1]);
  return begins && (end == text.size() || (!continues_a_name(text[end]) && !dotted));
}

void add_path(const fs::path& path, const std::string& name, std::vector<NamedPath>& paths) {
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  if (text.find('/') != std::string::npos && text != "/") paths.push_back({std::move(text), name});
}

// Where the files of a model lie, in all the words for it.
std::vector<NamedPath> paths_of(const std::string& path, const std::string& name) {
  std::vector<NamedPath> paths;
  std::error_code ignored;
  std::string given = path;
  while (given.size() > 1 && given.ends_with('/')) given.pop_back();
  const bool is_path = fs::exists(given, ignored) || given.starts_with('/');
  if (is_path) {
    if (given.find('/') != std::string::npos) paths.push_back({given, name});
    add_path(given, name, paths);
    add_path(fs::absolute(given, ignored), name, paths);
  }
  if (const auto found = hub::locate_model(path); found.ok()) {
    add_path(*found, name, paths);
    add_path(fs::weakly_canonical(*found, ignored), name, paths);
  }
  const hub::Places places = hub::user_places();
  if (!places.cache.empty()) add_path(places.cache, "the cache of models", paths);
  if (!places.aliases.empty()) add_path(places.aliases, "the file of aliases", paths);
  return paths;
}

}  // namespace

std::string with_names(std::string_view text, std::span<const NamedPath> paths) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const NamedPath* longest = nullptr;
    for (const NamedPath& one : paths) {
      if (one.path.empty() || !stands_at(text, at, one.path)) continue;
      if (longest == nullptr || one.path.size() > longest->path.size()) longest = &one;
    }
    if (longest == nullptr) {
      shown += text[at++];
      continue;
    }
    shown += longest->name;
    at += longest->path.size();
  }
  return shown;
}

ShownErrors::ShownErrors(const ModelManager& manager, std::function<void(std::string_view)> say)
    : say_(std::move(say)), manager_(&manager) {}

Status ShownErrors::shown(const std::string& model, const Status& status) {
  if (status.ok() || status.message().find('/') == std::string::npos) return status;
  std::string said;
  Status shown = status;
  {
    const std::lock_guard lock(mutex_);
    if (manager_ == nullptr) return status;
    const Result<ModelDefinition> definition = manager_->definition(model);
    if (!definition.ok()) return status;
    std::string text = with_names(status.message(), paths_of(definition->load.path, model));
    if (text == status.message()) return status;
    // From the first path on: what stands before it may count the seconds to the next try.
    const auto path = std::ranges::mismatch(status.message(), text).in1;
    std::string hidden(path, status.message().end());
    if (said_[model] != hidden) said = fmt::format("model '{}': {}", model, status.message());
    said_[model] = std::move(hidden);
    if (text.find(model) == std::string::npos) text = fmt::format("{}: {}", model, text);
    shown = {status.code(), std::move(text), status.offset()};
  }
  if (say_ && !said.empty()) say_(said);
  return shown;
}

void ShownErrors::end() {
  const std::lock_guard lock(mutex_);
  manager_ = nullptr;
}

}  // namespace accel::engine
