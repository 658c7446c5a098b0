#include "server/keys/key_edit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "server/keys/key_table.h"
#include "server/keys/moment.h"

namespace accel::server {
namespace {

constexpr std::string_view kUsualIndent = "  ";
constexpr std::string_view kKeyFileHead =
    "# Keys of a server. The keys themselves are not here, only their hashes.\n";

// Each with its line feed.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Neither key nor member: blank, or a comment.
bool says_nothing(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || line[first] == '#';
}

// What stands before the "-" of the last key.
std::string indent_of(std::string_view text, const KeyTable& table) {
  if (table.keys().empty()) return std::string(kUsualIndent);
  const std::vector<std::string_view> lines = lines_of(text);
  const auto at = static_cast<size_t>(table.keys().back().line - 1);
  if (at >= lines.size()) return std::string(kUsualIndent);
  const size_t dash = lines[at].find_first_not_of(' ');
  if (dash == std::string_view::npos || lines[at][dash] != '-') return std::string(kUsualIndent);
  return std::string(lines[at].substr(0, dash));
}

std::string entry_text(const Key& key, std::string_view indent) {
  std::vector<std::string> members{"name: " + key.name, "hash: sha256:" + key.hash};
  const auto add = [&](std::string_view name, const auto& value) {
    members.push_back(fmt::format("{}: {}", name, value));
  };
  std::vector<std::string_view> scopes;
  for (const Scope scope : key.scopes) scopes.push_back(scope_name(scope));
  add("scopes", fmt::format("[{}]", fmt::join(scopes, ", ")));
  std::vector<std::string> models;
  for (const std::string& model : key.models) models.push_back(json_quote(model));
  if (!models.empty()) add("models", fmt::format("[{}]", fmt::join(models, ", ")));
  if (key.expires_seconds) add("expires", moment_text(*key.expires_seconds));
  const KeyLimits& limits = key.limits;
  if (limits.requests_per_second > 0) add("requests_per_second", limits.requests_per_second);
  if (limits.burst > 0) add("burst", limits.burst);
  if (limits.concurrent > 0) add("concurrent", limits.concurrent);
  if (limits.tokens_per_minute > 0) add("tokens_per_minute", limits.tokens_per_minute);
  if (key.priority != Priority::kNormal) add("priority", to_string(key.priority));
  if (key.bulk) add("bulk", key.bulk);
  return fmt::format("{}- {}\n", indent, fmt::join(members, fmt::format("\n{}  ", indent)));
}

// Whether `text` is a file of just these keys.
bool holds(std::string_view text, std::string_view file, std::span<const Key> expected) {
  const Result<KeyTable> table = parse_key_table(text, file);
  if (!table.ok()) return false;
  return std::ranges::equal(table->keys(), expected, [](Key found, Key wanted) {
    found.line = 0;
    wanted.line = 0;
    return found == wanted;
  });
}

// The lines of each key, as [first, end); what stands between two keys belongs to neither.
struct KeyLines {
  size_t first = 0;
  size_t end = 0;
};
KeyLines lines_of_key(std::span<const std::string_view> lines, std::span<const Key> keys,
                      size_t at) {
  const auto begin_of = [&](size_t i) {
    return std::min(lines.size(), static_cast<size_t>(keys[i].line - 1));
  };
  const size_t first = begin_of(at);
  size_t end = at + 1 < keys.size() ? begin_of(at + 1) : lines.size();
  while (end > first && says_nothing(lines[end - 1])) --end;
  return {first, end};
}

Status no_such_key(const KeyTable& table, std::string_view file, std::string_view name,
                   std::string_view id) {
  std::vector<std::string_view> names;
  for (const Key& key : table.keys()) names.push_back(key.name);
  if (!id.empty() && std::ranges::find(names, name) != names.end()) {
    return not_found(fmt::format("{}: no key of '{}' has a hash that begins with '{}'; accel keys "
                                 "list shows them",
                                 file, name, id));
  }
  return not_found(fmt::format("{}: there is no key '{}'{}; accel keys list shows them", file, name,
                               did_you_mean(name, names)));
}

}  // namespace

Result<std::string> with_key(std::string_view text, std::string_view file, const Key& key) {
  ACCEL_ASSIGN(const KeyTable table, parse_key_table(text, file));
  std::vector<Key> expected(table.keys().begin(), table.keys().end());
  expected.push_back(key);
  const std::string entry = entry_text(key, indent_of(text, table));
  std::string before(text.empty() ? kKeyFileHead : text);
  if (!before.ends_with('\n')) before += '\n';
  for (const std::string_view list : {"", "keys:\n"}) {  // where the file has no list yet
    std::string changed = fmt::format("{}{}{}", before, list, entry);
    if (holds(changed, file, expected)) return changed;
  }
  return failed_precondition(
      fmt::format("{}: expected a file that ends with its list of keys, each member in a line of "
                  "its own; lay it out so, or name another file",
                  file));
}

Result<RevokedKeys> without_keys(std::string_view text, std::string_view file,
                                 std::string_view name, std::string_view id) {
  ACCEL_ASSIGN(const KeyTable table, parse_key_table(text, file));
  const std::vector<std::string_view> lines = lines_of(text);
  std::vector<bool> revoked(lines.size());
  std::vector<Key> kept;
  std::vector<int> found;
  for (size_t i = 0; i < table.keys().size(); ++i) {
    const Key& key = table.keys()[i];
    if (key.name != name || !key.hash.starts_with(id)) {
      kept.push_back(key);
      continue;
    }
    found.push_back(key.line);
    const KeyLines own = lines_of_key(lines, table.keys(), i);
    for (size_t line = own.first; line < own.end; ++line) revoked[line] = true;
  }
  if (found.empty()) return no_such_key(table, file, name, id);
  if (!id.empty() && found.size() > 1) {
    return invalid_argument(fmt::format("{}: '{}' fits {} keys of '{}'; expected more digits", file,
                                        id, found.size(), name));
  }
  RevokedKeys without{.count = found.size()};
  for (size_t line = 0; line < lines.size(); ++line) {
    if (!revoked[line]) without.text += lines[line];
  }
  if (holds(without.text, file, kept)) return without;
  return failed_precondition(
      fmt::format("{}: expected each member of a key in a line of its own; delete the keys of line "
                  "{} by hand",
                  file, fmt::join(found, ", ")));
}

}  // namespace accel::server
