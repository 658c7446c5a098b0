#include "hub/aliases.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "store/file_lock.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;
using AliasMap = std::map<std::string, std::string>;

constexpr uint64_t kAliasFileBytesMax = 1 << 20;
constexpr size_t kAliasNameBytesMax = 64;
constexpr size_t kAliasTargetBytesMax = 4096;
constexpr int kAliasStepsMax = 16;
constexpr std::chrono::seconds kAliasLockWait{10};

Result<std::string> follow(const AliasMap& aliases, const std::string& name) {
  std::string at = name;
  for (int step = 0; step <= kAliasStepsMax; ++step) {
    const auto found = aliases.find(at);
    if (found == aliases.end()) return at;
    at = found->second;
    if (at == name) break;
  }
  return invalid_argument(fmt::format("the alias '{}' leads back to itself or through more than {} "
                                      "others; accel alias lists them",
                                      name, kAliasStepsMax));
}

}  // namespace

bool is_alias_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kAliasNameBytesMax && name.front() != '-' &&
         name.front() != '.' && name.front() != '_' && std::ranges::all_of(name, allowed);
}

Result<AliasMap> Aliases::read() const {
  if (file_.empty()) return AliasMap();
  const Result<Json> json = read_json(file_, kAliasFileBytesMax);
  if (!json.ok()) {
    if (json.status().code() == StatusCode::kNotFound) return AliasMap();
    return json.status();
  }
  const auto fault = [this](std::string_view what) {
    return invalid_argument(fmt::format("reading {}: expected an object of names and models, found "
                                        "{}; mend the file or delete it",
                                        file_.string(), what));
  };
  if (!json->is_object()) return fault("something else");
  AliasMap aliases;
  for (const auto& [name, target] : json->items()) {
    if (!is_alias_name(name)) return fault("the name " + json_quote(name.substr(0, 100)));
    if (!target.is_string()) return fault(name + " without a text");
    aliases[name] = target.get<std::string>();
  }
  return aliases;
}

template <class Change>
Status Aliases::update(Change change) const {
  if (file_.empty()) {
    return failed_precondition("there is no place for aliases: set ACCEL_CONFIG_DIR or HOME");
  }
  std::error_code error;
  fs::create_directories(file_.parent_path(), error);
  if (error) return errno_status(error.value(), "creating", file_.parent_path().string());
  ACCEL_ASSIGN(const auto lock, store::FileLock::acquire(file_.string() + ".lock", kAliasLockWait));
  ACCEL_ASSIGN(AliasMap aliases, read());
  ACCEL_TRY(change(aliases));
  ACCEL_ASSIGN(const auto written, AtomicFile::create(file_));
  ACCEL_TRY(written->write(Json(aliases).dump(2, ' ', false, Json::error_handler_t::replace)));
  ACCEL_TRY(written->write("\n"));
  return written->commit();
}

Status Aliases::set(const std::string& name, const std::string& target) const {
  if (!is_alias_name(name)) {
    return invalid_argument(fmt::format(
        "{} cannot be an alias: expected at most {} letters, digits, '-', '_' and '.', and a "
        "letter or digit in front",
        json_quote(name), kAliasNameBytesMax));
  }
  if (target.empty() || target.size() > kAliasTargetBytesMax) {
    return invalid_argument(fmt::format(
        "expected a path or the name of a model for '{}', found {} bytes", name, target.size()));
  }
  return update([&](AliasMap& aliases) -> Status {
    aliases[name] = target;
    return follow(aliases, name).status();
  });
}

Status Aliases::remove(const std::string& name) const {
  return update([&](AliasMap& aliases) -> Status {
    if (aliases.erase(name) > 0) return {};
    std::vector<std::string_view> names;
    for (const auto& [known, target] : aliases) names.push_back(known);
    return not_found(fmt::format("there is no alias '{}' in {}{}; accel alias lists them", name,
                                 file_.string(), did_you_mean(name, names)));
  });
}

Result<std::string> Aliases::resolve(const std::string& name) const {
  if (!is_alias_name(name)) return name;
  ACCEL_ASSIGN(const AliasMap aliases, read());
  return follow(aliases, name);
}

}  // namespace accel::hub
