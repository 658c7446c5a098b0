// accel cache: what is kept of converted graphs and compiled models, and taking it elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/byte_size.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/moments.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "engine/graph_cache.h"
#include "hardware/cpu.h"
#include "store/cache.h"
#include "store/cache_archive.h"
#include "store/content_hash.h"
#include "store/facts.h"

namespace accel::cli {
namespace {

constexpr size_t kShownDigits = 12;

struct Request {
  std::vector<std::string> what;  // behind the action
  std::string max_size;
  bool json = false;
};

std::string state_text(const store::EntryInfo& entry) {
  return entry.note.empty() ? "" : "nothing kept";
}

OrderedJson as_json(const store::EntryInfo& entry) {
  OrderedJson parts;
  for (const auto& [name, value] : entry.key.parts) parts[name] = value;
  return {{"key", entry.digest},
          {"kind", entry.key.kind},
          {"label", entry.label},
          {"note", entry.note},
          {"bytes", entry.bytes},
          {"made", time_text(entry.made_s)},
          {"used", time_text(entry.used_s)},
          {"parts", parts}};
}

Status none(const Request& request, std::string_view action) {
  if (request.what.empty()) return {};
  return invalid_argument(fmt::format("accel cache {}: expected nothing behind it, found '{}'",
                                      action, request.what.front()));
}

Result<std::string> only(const Request& request, std::string_view action, std::string_view name) {
  if (request.what.size() == 1) return request.what.front();
  return invalid_argument(fmt::format("accel cache {}: expected one {}, found {} arguments", action,
                                      name, request.what.size()));
}

Status run_list_entries(store::Cache& cache, const Request& request) {
  ACCEL_TRY(none(request, "list"));
  const std::vector<store::EntryInfo> entries = cache.list();
  uint64_t bytes = 0;
  for (const store::EntryInfo& entry : entries) bytes += entry.bytes;
  if (request.json) {
    OrderedJson out{{"folder", cache.options().folder.string()},
                    {"bytes", bytes},
                    {"bytes_max", cache.options().bytes_max},
                    {"entries", OrderedJson::array()}};
    for (const store::EntryInfo& entry : entries) out["entries"].push_back(as_json(entry));
    return print(json_text(out));
  }
  Table table({Align::kLeft, Align::kLeft, Align::kRight});
  table.add({"key", "kind", "size", "used", "belongs to", "device", "precision", ""});
  for (const store::EntryInfo& entry : entries) {
    table.add({entry.digest.substr(0, kShownDigits), entry.key.kind, human_bytes(entry.bytes),
               age_text(now_s() - entry.used_s), entry.label, std::string(entry.key.part("device")),
               std::string(entry.key.part("precision")), state_text(entry)});
  }
  return print(fmt::format("{}{} of {} in {}\n", entries.empty() ? "" : table.text() + "\n",
                           human_bytes(bytes), human_bytes(cache.options().bytes_max),
                           printable(cache.options().folder.string())));
}

Status run_show_entry(store::Cache& cache, const Request& request) {
  ACCEL_ASSIGN(const std::string prefix, only(request, "show", "KEY"));
  ACCEL_ASSIGN(const store::EntryInfo entry, cache.find(prefix));
  if (request.json) return print(json_text(as_json(entry)));
  Table table;
  table.add({"key", entry.digest});
  table.add({"kind", entry.key.kind});
  table.add({"belongs to", entry.label});
  if (!entry.note.empty()) table.add({"nothing kept", entry.note});
  table.add({"size", human_bytes(entry.bytes)});
  table.add({"made", time_text(entry.made_s)});
  table.add({"used", time_text(entry.used_s)});
  table.add({"file", cache.path_of(entry.digest).string()});
  Table parts;
  for (const auto& [name, value] : entry.key.parts) parts.add({name, value});
  return print(fmt::format("{}\nmade from\n{}", table.text(), parts.text(2)));
}

Status run_verify(store::Cache& cache, const Request& request) {
  ACCEL_TRY(none(request, "verify"));
  const std::vector<store::VerifiedFile> files = cache.verify();
  const auto damaged = static_cast<size_t>(
      std::ranges::count(files, StatusCode::kDataLoss,
                         [](const store::VerifiedFile& file) { return file.status.code(); }));
  Table table;
  OrderedJson list = OrderedJson::array();
  for (const store::VerifiedFile& file : files) {
    const std::string state = file.status.ok() ? "fine" : file.status.message();
    table.add({file.name, human_bytes(file.bytes), state});
    list.push_back({{"file", file.name},
                    {"bytes", file.bytes},
                    {"fine", file.status.ok()},
                    {"reason", file.status.message()}});
  }
  ACCEL_TRY(print(request.json ? json_text(list) : table.text()));
  if (damaged == 0) return {};
  return data_loss(fmt::format("{} of {} files are damaged; they are made anew when they are "
                               "needed, or delete them",
                               damaged, files.size()));
}

Status print_pruned(const store::PruneReport& report, bool json) {
  if (json) {
    return print(json_text({{"deleted", report.entries}, {"bytes_freed", report.bytes}}));
  }
  return print(fmt::format("{} deleted, {} freed\n", report.entries, human_bytes(report.bytes)));
}

Status run_prune(store::Cache& cache, const Request& request) {
  ACCEL_TRY(none(request, "prune"));
  uint64_t bytes_max = cache.options().bytes_max;
  if (!request.max_size.empty()) {
    const auto parsed = parse_size(request.max_size);
    if (!parsed.ok()) return parsed.status().with_context("--max-size");
    bytes_max = *parsed;
  }
  return print_pruned(cache.prune(bytes_max), request.json);
}

Status run_clear(store::Cache& cache, const Request& request) {
  ACCEL_TRY(none(request, "clear"));
  return print_pruned(cache.prune(0), request.json);
}

Status run_export(store::Cache& cache, const Request& request) {
  if (request.what.empty()) {
    return invalid_argument("accel cache export: expected a FILE, and KEYs if not all");
  }
  std::vector<std::string> digests;
  for (size_t i = 1; i < request.what.size(); ++i) {
    ACCEL_ASSIGN(const store::EntryInfo entry, cache.find(request.what[i]));
    digests.push_back(entry.digest);
  }
  if (request.what.size() == 1) {
    for (const store::EntryInfo& entry : cache.list()) digests.push_back(entry.digest);
  }
  if (digests.empty()) return not_found("nothing to export: the cache is empty");
  ACCEL_TRY(store::export_entries(cache, digests, request.what.front()));
  if (request.json) return print(json_text({{"exported", digests}}));
  return print(fmt::format("{} exported to {}\n", digests.size(), printable(request.what.front())));
}

Result<engine::CacheHome> home() {
  ACCEL_ASSIGN(const auto folder, cache_folder());
  ACCEL_ASSIGN(const auto local, make_engine());
  const auto hashes = store::ContentHashes::create({.folder = folder / "hashes"});
  engine::CacheHome home{
      .accel = engine::accel_build(*hashes), .cpu = hardware::read_cpu().identity(), .engines = {}};
  for (const BackendReport& backend : local->backends()) {
    home.engines.push_back(backend.name + " " + backend.version);
  }
  return home;
}

Status run_import(store::Cache& cache, const Request& request) {
  ACCEL_ASSIGN(const std::string file, only(request, "import", "FILE"));
  ACCEL_ASSIGN(const engine::CacheHome here, home());
  ACCEL_ASSIGN(const std::vector<store::ImportedEntry> entries,
               store::import_entries(cache, file, [&](const store::CacheKey& key) {
                 return engine::fits_home(key, here);
               }));
  Table table;
  OrderedJson list = OrderedJson::array();
  Status refused;
  size_t imported = 0;
  for (const store::ImportedEntry& entry : entries) {
    if (entry.status.ok()) imported += 1;
    if (refused.ok()) refused = entry.status;
    table.add({entry.digest.substr(0, kShownDigits), entry.header.key.kind, entry.header.label,
               entry.status.ok() ? "imported" : "refused: " + entry.status.message()});
    list.push_back({{"key", entry.digest},
                    {"kind", entry.header.key.kind},
                    {"label", entry.header.label},
                    {"imported", entry.status.ok()},
                    {"reason", entry.status.message()}});
  }
  ACCEL_TRY(print(request.json ? json_text(list) : table.text()));
  if (imported > 0 || refused.ok()) return {};
  return refused.with_context("nothing was imported");
}

using Action = Status (*)(store::Cache& cache, const Request& request);
const std::map<std::string, Action, std::less<>> kActions{
    {"clear", run_clear},       {"export", run_export}, {"import", run_import},
    {"list", run_list_entries}, {"prune", run_prune},   {"show", run_show_entry},
    {"verify", run_verify}};

}  // namespace

Status run_cache(const Command& command, const Arguments& arguments) {
  std::string action;
  Request request;
  Flags flags(command);
  flags.argument("ACTION", &action,
                 "list, show KEY, verify, prune, clear, export FILE [KEY ...], import FILE");
  flags.words({"clear", "export", "import", "list", "prune", "show", "verify"});
  flags.arguments("WHAT", &request.what, 0, "a KEY (its first digits) or a FILE");
  flags.text("--max-size", "SIZE", &request.max_size,
             "with prune: keep at most so much, e.g. 500M (default: ACCEL_CACHE_MAX_SIZE or 10G)");
  flags.flag("--json", &request.json, "for programs");
  flags.example("accel cache list");
  flags.example("accel cache export graphs.zip 3f2a91");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const auto found = kActions.find(action);
  if (found == kActions.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, run] : kActions) names.push_back(name);
    return invalid_argument(fmt::format("unknown action '{}'{}; accel cache --help lists them",
                                        printable(action), did_you_mean(action, names)));
  }
  if (!request.max_size.empty() && action != "prune") {
    return invalid_argument("--max-size belongs to accel cache prune");
  }
  ACCEL_ASSIGN(const auto folder, cache_folder());
  ACCEL_ASSIGN(store::CacheOptions options, store::default_cache_options(folder));
  const auto cache = store::Cache::create(std::move(options));
  if (!cache->warning().ok()) notice(cache->warning().message());
  return found->second(*cache, request);
}

}  // namespace accel::cli
