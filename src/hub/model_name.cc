#include "hub/model_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "hub/file_names.h"

namespace accel::hub {
namespace {

constexpr size_t kRepositoryBytesMax = 96;
constexpr size_t kRevisionBytesMax = 255;
constexpr size_t kShownMax = 200;
constexpr std::string_view kModelsPrefix = "models--";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What is wrong with one half of "org/name"; empty: nothing.
std::string_view fault_of_part(std::string_view part) {
  if (part.empty()) return "an empty part";
  if (!std::ranges::all_of(part, is_plain)) return "another character";
  if (contains(part, "--") || contains(part, "..")) return "'--' or '..'";
  if (part.front() == '-' || part.front() == '.') return "a '-' or '.' in front";
  if (part.back() == '-' || part.back() == '.') return "a '-' or '.' at the end";
  return "";
}

std::string_view fault_of_repository(std::string_view repository) {
  if (repository.size() > kRepositoryBytesMax) return "more than 96 characters";
  if (repository.ends_with(".git")) return "'.git' at the end";
  const size_t slash = repository.find('/');
  if (slash == std::string_view::npos) return fault_of_part(repository);
  const std::string_view fault = fault_of_part(repository.substr(0, slash));
  return fault.empty() ? fault_of_part(repository.substr(slash + 1)) : fault;
}

}  // namespace

std::string ModelName::text() const {
  return revision.empty() ? repository : repository + "@" + revision;
}

std::string ModelName::folder() const {
  std::string name = std::string(kModelsPrefix) + repository;
  if (const size_t at = name.find('/'); at != std::string::npos) name.replace(at, 1, "--");
  return name;
}

Result<ModelName> parse_model_name(std::string_view text) {
  const size_t at = text.find('@');
  ModelName name{.repository = std::string(text.substr(0, at)), .revision = {}};
  const std::string_view fault = fault_of_repository(name.repository);
  if (!fault.empty()) {
    return invalid_argument(
        fmt::format("{} is no name of a model: expected org/name or org/name@revision of letters, "
                    "digits, '-', '_' and '.', found {}",
                    json_quote(text.substr(0, kShownMax)), fault));
  }
  if (at == std::string_view::npos) return name;
  name.revision = text.substr(at + 1);
  const bool spaced = contains(name.revision, " ") || contains(name.revision, "@");
  if (name.revision.size() > kRevisionBytesMax || spaced ||
      !fault_of_file_name(name.revision).empty()) {
    return invalid_argument(fmt::format("{}: expected a branch, a tag or a commit behind the '@'",
                                        json_quote(text.substr(0, kShownMax))));
  }
  return name;
}

std::string repository_of_folder(std::string_view folder) {
  if (!folder.starts_with(kModelsPrefix)) return "";
  std::string name(folder.substr(kModelsPrefix.size()));
  if (const size_t at = name.find("--"); at != std::string::npos) name.replace(at, 2, "/");
  return name;
}

bool is_commit(std::string_view revision) { return is_hexadecimal(revision, 40); }

std::string url_quoted(std::string_view text, bool keep_slashes) {
  std::string quoted;
  for (const char c : text) {
    if (is_plain(c) || c == '~' || (c == '/' && keep_slashes)) {
      quoted += c;
    } else {
      quoted += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return quoted;
}

}  // namespace accel::hub
