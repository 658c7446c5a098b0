#include "store/facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "store/hash.h"
#include "store/private_folder.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr uint64_t kMaxFileBytes = Facts::kMaxValueBytes + (64 << 10);
constexpr size_t kMaxKeyBytes = 32 << 10;
constexpr std::string_view kFactStaging = "staging-";
constexpr auto kStagingAge = std::chrono::hours(1);

using Member = std::string FactKey::*;
constexpr std::array<std::pair<const char*, Member>, 5> kMembers{{{"kind", &FactKey::kind},
                                                                  {"cpu", &FactKey::cpu},
                                                                  {"engine", &FactKey::engine},
                                                                  {"model", &FactKey::model},
                                                                  {"detail", &FactKey::detail}}};

// Invalid UTF-8 becomes U+FFFD instead of an exception.
std::string to_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string checksum_of(const FactKey& key, const Json& value) {
  Fingerprinter print;
  for (const auto& [name, member] : kMembers) print.add(key.*member);
  print.add(to_text(value));
  return print.digits();
}

bool is_fact_name(std::string_view name) {
  if (name.size() != 37 || !name.ends_with(".json")) return false;
  return name.substr(0, 32).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A folder in the common temporary one, whose name anybody can guess: only one that is this user's
// own, and no link to elsewhere, is accepted.
Result<fs::path> private_temporary(const fs::path& parent) {
  const fs::path folder = parent / ("accel-cache-" + std::to_string(::geteuid()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_status(errno, "creating", folder.string());
  }
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return errno_status(errno, "opening", folder.string());
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 022) != 0) {
    return permission_denied("using " + folder.string() +
                             " as cache: expected a folder that only this user can write, found "
                             "another; set ACCEL_CACHE_DIR");
  }
  return folder;
}

}  // namespace

std::string FactKey::file_name() const {
  Fingerprinter print;
  for (const auto& [name, member] : kMembers) print.add(this->*member);
  return print.digits() + ".json";
}

Facts::Facts(FactsOptions options)
    : options_(std::move(options)), warning_(prepare_folder(options_.folder)) {
  if (!warning_.ok()) warning_ = warning_.with_context("measurements will not be remembered");
  staging_prefix_ = std::string(kFactStaging) + random_digits();
}

Facts::~Facts() = default;

std::unique_ptr<Facts> Facts::create(FactsOptions options) {
  return std::unique_ptr<Facts>(new Facts(std::move(options)));
}

std::optional<Json> Facts::get(const FactKey& key) const {
  const fs::path path = options_.folder / key.file_name();
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  Result<Json> file = read_json(path, kMaxFileBytes);
  if (!file.ok() || !file->is_object()) return std::nullopt;
  const auto holds = [&file](const char* name, const Json& expected) {
    const auto found = file->find(name);
    return found != file->end() && *found == expected;
  };
  if (!holds("accel_fact", kFormat)) return std::nullopt;
  for (const auto& [name, member] : kMembers) {
    if (!holds(name, key.*member)) return std::nullopt;
  }
  const auto value = file->find("value");
  if (value == file->end() || !holds("checksum", checksum_of(key, *value))) return std::nullopt;
  return std::move(*value);
}

Status Facts::put(const FactKey& key, const Json& value) {
  if (!warning_.ok()) return warning_;
  const std::string text = to_text(value);
  if (text.size() > kMaxValueBytes) {
    return invalid_argument("remembering a fact: expected a value of at most " +
                            std::to_string(kMaxValueBytes) + " bytes, found " +
                            std::to_string(text.size()));
  }
  Json file = {{"accel_fact", kFormat}, {"value", value}, {"checksum", checksum_of(key, value)}};
  size_t key_bytes = 0;
  for (const auto& [name, member] : kMembers) {
    file[name] = key.*member;
    key_bytes += (key.*member).size();
  }
  // What does not come back as it went in would be a miss for ever.
  const std::string whole = to_text(file, 1) + "\n";
  const Result<Json> again = parse_json(whole);
  if (!again.ok() || *again != file || key_bytes > kMaxKeyBytes) {
    return invalid_argument("remembering a fact of kind '" + key.kind +
                            "': expected a key and value that JSON can carry (finite numbers, "
                            "UTF-8, at most 60 levels, a key of at most 32 KiB)");
  }
  // AtomicFile's own temporary name holds the process number alone, which neither threads nor two
  // containers on one folder share safely; hence a file of our own that is then renamed.
  const fs::path staged = options_.folder / (staging_prefix_ + "-" + std::to_string(++staged_));
  const std::string name = key.file_name();
  {
    ACCEL_ASSIGN(const auto out, AtomicFile::create(staged));
    ACCEL_TRY(out->write(whole));
    ACCEL_TRY(out->commit());
  }
  if (::rename(staged.c_str(), (options_.folder / name).c_str()) != 0) {
    const int error = errno;
    ::unlink(staged.c_str());
    return errno_status(error, "creating", (options_.folder / name).string());
  }
  sweep(name);
  return {};
}

void Facts::sweep(const std::string& just_written) {
  const std::scoped_lock lock(sweep_mutex_);
  std::vector<std::pair<fs::file_time_type, fs::path>> facts;
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  for (fs::directory_iterator entry(options_.folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code gone;  // by another process, meanwhile
    if (is_fact_name(name) && name != just_written) {
      const auto written = entry->last_write_time(gone);
      if (!gone) facts.emplace_back(written, entry->path());
    } else if (name.starts_with(kFactStaging)) {
      // Left by a process that was killed while it wrote.
      const auto written = entry->last_write_time(gone);
      if (!gone && now - written > kStagingAge) fs::remove(entry->path(), gone);
    }
  }
  const size_t keep = std::max<size_t>(options_.max_facts, 1) - 1;
  if (facts.size() <= keep) return;
  std::sort(facts.begin(), facts.end());
  for (size_t i = 0; i < facts.size() - keep; ++i) fs::remove(facts[i].second, error);
}

Result<fs::path> cache_dir_from(const std::function<const char*(const char*)>& variable) {
  const auto value = [&variable](const char* name) {
    const char* text = variable(name);
    return fs::path(text == nullptr ? "" : text);
  };
  if (const fs::path own = value("ACCEL_CACHE_DIR"); !own.empty()) {
    std::error_code error;
    fs::path absolute = fs::absolute(own, error);
    if (error) return errno_status(error.value(), "finding", own.string());
    return absolute;
  }
  if (const fs::path xdg = value("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "accel";
  if (const fs::path home = value("HOME"); home.is_absolute()) return home / ".cache" / "accel";
  const fs::path temporary = value("TMPDIR");
  return private_temporary(temporary.is_absolute() ? temporary : fs::path("/tmp"));
}

Result<fs::path> default_cache_dir() {
  return cache_dir_from([](const char* name) { return static_cast<const char*>(::getenv(name)); });
}

}  // namespace accel::store
