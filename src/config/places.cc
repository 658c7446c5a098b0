#include "config/places.h"

#include <filesystem>

namespace accel::config {
namespace {

namespace fs = std::filesystem;

std::string text_of(const Variable& variable, const char* name) {
  const char* value = variable(name);
  return value == nullptr ? "" : value;
}

// Where hub/settings.h has the user's aliases, too.
fs::path users_folder(const Variable& variable) {
  if (fs::path own = text_of(variable, "ACCEL_CONFIG_DIR"); !own.empty()) return own;
  if (const fs::path xdg = text_of(variable, "XDG_CONFIG_HOME"); xdg.is_absolute()) {
    return xdg / "accel";
  }
  const fs::path home = text_of(variable, "HOME");
  return home.empty() ? home : home / ".config" / "accel";
}

}  // namespace

std::vector<std::string> places(const Variable& variable) {
  std::vector<std::string> files{"config/backend.yaml", "accel.yaml"};
  const fs::path folder = users_folder(variable);
  if (!folder.empty()) files.push_back((folder / "config.yaml").string());
  return files;
}

std::string find_file(const Variable& variable) {
  std::string named = text_of(variable, "ACCEL_CONFIG");
  if (named == "none") return "";
  if (!named.empty()) return named;
  for (std::string& file : places(variable)) {
    std::error_code ignored;
    if (fs::exists(file, ignored)) return std::move(file);
  }
  return "";
}

}  // namespace accel::config
