// accel keys: who may use a server; see server/keys/key_table.h for the file.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/moments.h"
#include "cli/table.h"
#include "cli/task_input.h"
#include "hub/settings.h"
#include "server/keys/key_file.h"
#include "server/keys/key_table.h"
#include "server/keys/key_text.h"
#include "server/keys/moment.h"

namespace accel::cli {
namespace {

using server::Key;
using server::Scope;

struct KeysRequest {
  std::string name;
  std::string file;
  std::string scopes;
  std::string models;
  std::string expires;
  std::string id;
  bool json = false;
};

// keys.yaml beside the file of aliases, unless a file is named.
Result<std::filesystem::path> key_file_of(const KeysRequest& request) {
  if (!request.file.empty()) return std::filesystem::path(request.file);
  const std::filesystem::path aliases = hub::user_places().aliases;
  if (aliases.empty()) {
    return failed_precondition("there is no place for keys: set ACCEL_CONFIG_DIR or HOME, or give "
                               "--file");
  }
  return aliases.parent_path() / "keys.yaml";
}

Result<std::vector<Scope>> scopes_of(const std::string& text) {
  std::vector<Scope> scopes;
  for (const std::string& word : split_at_commas(text)) {
    const std::optional<Scope> scope = server::scope_of(word);
    if (!scope) {
      const std::vector<std::string_view> known{"infer", "admin", "metrics"};
      return invalid_argument(
          fmt::format("--scopes: expected infer, admin or metrics, found '{}'{}", printable(word),
                      did_you_mean(word, known)));
    }
    scopes.push_back(*scope);
  }
  return scopes;
}

// Seconds since 1970 of "30d", "12h" or "2w" from now on, or of a moment.
Result<int64_t> expiry_of(const std::string& text) {
  const std::map<char, int64_t> units{{'h', 3600}, {'d', 86'400}, {'w', 604'800}};
  constexpr int64_t kMost = 100'000;
  int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  const auto unit = stop == end ? units.end() : units.find(*stop);
  if (error == std::errc() && unit != units.end() && stop + 1 == end && count > 0 &&
      count <= kMost) {
    return now_s() + count * unit->second;
  }
  const std::optional<int64_t> moment = server::parse_moment(text);
  if (moment && *moment > now_s()) return *moment;
  return invalid_argument(
      fmt::format("--expires: expected a time from now on, as 30d, 12h or 2w, or a moment that is "
                  "to come, as 2027-01-31 or 2027-01-31T12:00:00Z, found '{}'",
                  printable(text)));
}

Status only_with(const KeysRequest& request, std::string_view action) {
  const auto check = [&](std::string_view flag, bool given, std::string_view owner) {
    if (!given || action == owner) return Status();
    return invalid_argument(fmt::format("{} belongs to accel keys {}", flag, owner));
  };
  ACCEL_TRY(check("--scopes", !request.scopes.empty(), "new"));
  ACCEL_TRY(check("--models", !request.models.empty(), "new"));
  ACCEL_TRY(check("--expires", !request.expires.empty(), "new"));
  ACCEL_TRY(check("--id", !request.id.empty(), "revoke"));
  ACCEL_TRY(check("--json", request.json, "list"));
  if (request.name.empty() == (action == "list")) return {};
  return invalid_argument(action == "list"
                              ? fmt::format("accel keys list: expected nothing behind it, found "
                                            "'{}'",
                                            printable(request.name))
                              : fmt::format("accel keys {}: expected a NAME", action));
}

Status new_key(const KeysRequest& request, const std::filesystem::path& file) {
  if (!server::is_key_name(request.name)) {
    return invalid_argument(
        fmt::format("'{}' cannot be a name: expected up to 64 letters, digits, '-', '_' and '.', "
                    "the first a letter or a digit, and not 'anonymous'",
                    printable(request.name)));
  }
  Key key{.name = request.name};
  if (!request.scopes.empty()) {
    ACCEL_ASSIGN(key.scopes, scopes_of(request.scopes));
  }
  key.models = split_at_commas(request.models);
  if (!request.expires.empty()) {
    ACCEL_ASSIGN(key.expires_seconds, expiry_of(request.expires));
  }
  ACCEL_ASSIGN(const std::string text, server::new_key_text());
  key.hash = server::key_hash(text);
  ACCEL_TRY(server::add_key(file, key));
  ACCEL_TRY(print(text + "\n"));
  notice(fmt::format("this is the only time that the key is shown; {} keeps its hash. A server "
                     "that runs takes it within seconds",
                     file.string()));
  return {};
}

OrderedJson key_json(const Key& key) {
  OrderedJson scopes = OrderedJson::array();
  for (const Scope scope : key.scopes) scopes.push_back(server::scope_name(scope));
  OrderedJson out{{"name", key.name}, {"id", key.id()}, {"scopes", scopes}, {"models", key.models}};
  if (key.expires_seconds) out["expires"] = server::moment_text(*key.expires_seconds);
  out["expired"] = key.expired(now_s());
  out["requests_per_second"] = key.limits.requests_per_second;
  out["burst"] = key.limits.burst;
  out["concurrent"] = key.limits.concurrent;
  out["tokens_per_minute"] = key.limits.tokens_per_minute;
  out["priority"] = to_string(key.priority);
  out["bulk"] = key.bulk;
  return out;
}

std::string limits_text(const Key& key) {
  std::vector<std::string> parts;
  const server::KeyLimits& limits = key.limits;
  if (limits.requests_per_second > 0) {
    parts.push_back(fmt::format("{}/s, {} at once", limits.requests_per_second, limits.burst));
  }
  if (limits.concurrent > 0) parts.push_back(fmt::format("{} under way", limits.concurrent));
  if (limits.tokens_per_minute > 0) {
    parts.push_back(fmt::format("{} tokens/min", limits.tokens_per_minute));
  }
  if (key.priority != server::Priority::kNormal) {
    parts.push_back(fmt::format("{} priority", to_string(key.priority)));
  }
  if (key.bulk) parts.emplace_back("bulk");
  return fmt::format("{}", fmt::join(parts, ", "));
}

Status list_keys(const KeysRequest& request, const std::filesystem::path& file) {
  ACCEL_ASSIGN(const server::KeyTable table, server::read_key_file(file));
  if (request.json) {
    OrderedJson out{{"file", file.string()}, {"keys", OrderedJson::array()}};
    for (const Key& key : table.keys()) out["keys"].push_back(key_json(key));
    return print(json_text(out));
  }
  if (table.keys().empty()) return print("no keys in " + printable(file.string()) + "\n");
  Table rows;
  rows.add({"name", "id", "scopes", "models", "expires", "limits"});
  for (const Key& key : table.keys()) {
    std::vector<std::string_view> scopes;
    for (const Scope scope : key.scopes) scopes.push_back(server::scope_name(scope));
    std::string expires = key.expires_seconds ? server::moment_text(*key.expires_seconds) : "never";
    if (key.expired(now_s())) expires += " (expired)";
    rows.add({key.name, std::string(key.id()), fmt::format("{}", fmt::join(scopes, ", ")),
              key.models.empty() ? "all" : fmt::format("{}", fmt::join(key.models, ", ")), expires,
              limits_text(key)});
  }
  return print(rows.text());
}

Status revoke_key(const KeysRequest& request, const std::filesystem::path& file) {
  ACCEL_ASSIGN(const size_t count, server::revoke_keys(file, request.name, request.id));
  ACCEL_TRY(print(fmt::format("{} {} of {} revoked\n", count, count == 1 ? "key" : "keys",
                              printable(request.name))));
  notice("a server that runs forgets it within seconds");
  return {};
}

using KeysAction = Status (*)(const KeysRequest& request, const std::filesystem::path& file);
const std::map<std::string, KeysAction, std::less<>> kKeysActions{
    {"list", list_keys}, {"new", new_key}, {"revoke", revoke_key}};

}  // namespace

Status run_keys(const Command& command, const Arguments& arguments) {
  std::string action;
  KeysRequest request;
  Flags flags(command);
  flags.argument("ACTION", &action, "new NAME, list, revoke NAME");
  flags.words({"list", "new", "revoke"});
  flags.optional_argument("NAME", &request.name,
                          "the holder: several keys of one name share its limits, and one takes "
                          "the other's place");
  flags.text("--file", "FILE", &request.file,
             "the file of keys, which accel serve --keys reads (default: keys.yaml in "
             "ACCEL_CONFIG_DIR, else in the user's folder of settings)");
  flags.text("--scopes", "SCOPE,...", &request.scopes,
             "with new: of infer, admin (loading and unloading models) and metrics (default "
             "infer)");
  flags.text("--models", "MODEL,...", &request.models,
             "with new: the models that may be used, as NAME or NAME:VERSION (default: all)");
  flags.text("--expires", "TIME", &request.expires,
             "with new: 30d, 12h or 2w from now, or a moment, as 2027-01-31 (default: never)");
  flags.text("--id", "DIGITS", &request.id,
             "with revoke: only the key of this id, of which the list has the first digits");
  flags.flag("--json", &request.json, "for programs, with list");
  flags.example("accel keys new team-a --models all-MiniLM-L6-v2 --expires 90d");
  flags.example("accel keys revoke team-a");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const auto found = kKeysActions.find(action);
  if (found == kKeysActions.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, run] : kKeysActions) names.push_back(name);
    return invalid_argument(fmt::format("unknown action '{}'{}; accel keys --help lists them",
                                        printable(action), did_you_mean(action, names)));
  }
  ACCEL_TRY(only_with(request, action));
  ACCEL_ASSIGN(const std::filesystem::path file, key_file_of(request));
  return found->second(request, file);
}

}  // namespace accel::cli
