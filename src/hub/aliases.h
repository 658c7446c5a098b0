// Names that a user gave to models: one JSON file, {"short": "org/name" or "/a/path"}.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::hub {

// No state but the file: what others write meanwhile is seen by the next call. Members are safe
// from any thread and any process: writers take turns by a lock beside the file, and readers see
// the old file or the new one.
class Aliases {
 public:
  explicit Aliases(std::filesystem::path file) : file_(std::move(file)) {}

  // All of them; none when there is no file. INVALID_ARGUMENT names the file and what is wrong.
  Result<std::map<std::string, std::string>> read() const;

  // `target` is a path, the name of a model, or another alias. INVALID_ARGUMENT for a name with
  // other characters than letters, digits, "-", "_" and "." (or one of these three in front), and
  // for one that would lead back to itself. Replaces what had the name.
  Status set(const std::string& name, const std::string& target) const;
  // NOT_FOUND with the nearest name.
  Status remove(const std::string& name) const;

  // Where `name` leads, through at most 16 aliases; `name` itself when it is none.
  // INVALID_ARGUMENT for a circle in the file.
  Result<std::string> resolve(const std::string& name) const;

  const std::filesystem::path& file() const { return file_; }

 private:
  // Reads, changes and writes while nobody else does.
  template <class Change>
  Status update(Change change) const;

  const std::filesystem::path file_;
};

// True for what set() takes as a name.
bool is_alias_name(std::string_view name);

}  // namespace accel::hub
