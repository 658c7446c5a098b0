#include "store/cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/byte_size.h"
#include "base/files.h"
#include "base/try.h"
#include "store/content_hash.h"
#include "store/entry.h"
#include "store/file_stream.h"
#include "store/private_folder.h"
#include "store/wall_clock.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kLock = ".lock";
constexpr std::string_view kStaging = ".staging";
// Nobody else wants the file of a random name, but a sweep may hold its lock for a moment, between
// its making and its locking, and delete it.
constexpr std::chrono::milliseconds kSweepersGlance{5'000};
constexpr size_t kFilesMax = 65536;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

bool is_entry_name(std::string_view name) {
  return name.ends_with(kEntrySuffix) &&
         is_digest(name.substr(0, name.size() - kEntrySuffix.size()));
}

bool is_transient_name(std::string_view name) {
  return name.ends_with(kLock) || name.ends_with(kStaging);
}

// Calls see(name, path) for each file of the folder.
template <class See>
void for_each_file(const fs::path& folder, const See& see) {
  std::error_code error;
  size_t files = 0;
  for (fs::directory_iterator entry(folder, error);
       !error && entry != fs::directory_iterator() && files < kFilesMax; entry.increment(error)) {
    see(entry->path().filename().string(), entry->path());
    ++files;
  }
}

struct OpenEntry {
  std::shared_ptr<const MappedFile> file;
  EntryHeader header;
};

Result<OpenEntry> open_entry(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {  // opening a pipe would wait
    return not_found("opening " + path.string() + ": expected a regular file");
  }
  ACCEL_ASSIGN(auto file, MappedFile::open(path));
  auto header = parse_entry_header(file->bytes(), file->bytes().size());
  if (!header.ok()) return header.status().with_context(path.string());
  if (path.filename() != header->key.digest() + std::string(kEntrySuffix)) {
    return Status(StatusCode::kDataLoss, path.string() + ": holds the entry of another key");
  }
  return OpenEntry{std::move(file), std::move(*header)};
}

EntryInfo info_of(const fs::path& path, const OpenEntry& entry) {
  struct stat found {};
  const bool known = ::stat(path.c_str(), &found) == 0;
  return {.digest = path.stem().string(),
          .key = entry.header.key,
          .label = entry.header.label,
          .note = entry.header.note,
          .bytes = entry.file->bytes().size(),
          .made_s = entry.header.made_s,
          .used_s = known ? found.st_mtim.tv_sec : 0};
}

// The time of last use is the file's modification time: an entry is never changed.
void mark_used(const fs::path& path, int64_t now_ns) {
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                             {.tv_sec = now_ns / kSecondNs, .tv_nsec = now_ns % kSecondNs}};
  // In a folder that cannot be written the order of use is not kept, and nothing is swept either.
  [[maybe_unused]] const int ignored = ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

// Writes header and payload into a staged file.
Status fill_entry(FileLock& staged, EntryHeader header, uint64_t bytes_max,
                  const Cache::Writer& write) {
  const std::string name = staged.path().string();
  const uint64_t begin = encode_entry_header(header).size();
  FileStream buffer(staged.fd(), begin, bytes_max - std::min(bytes_max, begin), name);
  std::ostream out(&buffer);
  const Status written = write(out);
  ACCEL_TRY(buffer.finish());  // the cause, where there is one, of what `write` met
  ACCEL_TRY(written);
  if (!out) return internal_error("writing " + name + ": its writer went to an impossible place");
  header.payload_bytes = buffer.size();
  // Read back rather than summed up on the way: the writer may have gone back in its stream.
  if (::ftruncate(staged.fd(), static_cast<off_t>(begin + header.payload_bytes)) != 0) {
    return errno_status(errno, "writing", name);
  }
  ACCEL_ASSIGN(const auto mapped, MappedFile::open(staged.path()));
  header.payload_digest = content_digest(mapped->bytes().subspan(begin));
  FileStream front(staged.fd(), 0, begin, name);
  const std::string encoded = encode_entry_header(header);
  front.sputn(encoded.data(), static_cast<std::streamsize>(encoded.size()));
  return front.finish();
}

}  // namespace

Result<CacheOptions> cache_options_from(const fs::path& cache_dir,
                                        const std::function<const char*(const char*)>& variable) {
  CacheOptions options{.folder = cache_dir / "entries"};
  const char* size = variable("ACCEL_CACHE_MAX_SIZE");
  if (size == nullptr || *size == '\0') return options;
  const auto parsed = parse_size(size);
  if (!parsed.ok()) return parsed.status().with_context("ACCEL_CACHE_MAX_SIZE");
  options.bytes_max = *parsed;
  return options;
}

Result<CacheOptions> default_cache_options(const fs::path& cache_dir) {
  return cache_options_from(
      cache_dir, [](const char* name) { return static_cast<const char*>(::getenv(name)); });
}

Cache::Cache(CacheOptions options)
    : options_(std::move(options)),
      warning_(prepare_folder(options_.folder).with_context("nothing new will be cached")) {}

std::unique_ptr<Cache> Cache::create(CacheOptions options) {
  if (!options.now_ns) options.now_ns = system_now_ns;
  return std::unique_ptr<Cache>(new Cache(std::move(options)));
}

fs::path Cache::path_of(std::string_view digest) const {
  return options_.folder / (std::string(digest) + std::string(kEntrySuffix));
}

CacheLookup Cache::lookup(const CacheKey& key) const {
  CacheLookup found;
  const fs::path path = path_of(key.digest());
  const auto begin = Clock::now();
  Result<OpenEntry> entry = open_entry(path);
  found.lookup_ms = ms_since(begin);
  if (entry.ok() && entry->header.key != key) {
    entry = Status(StatusCode::kDataLoss, path.string() + ": holds the entry of another key");
  }
  if (!entry.ok()) {
    if (entry.status().code() != StatusCode::kNotFound) {
      found.warning = entry.status().with_context("an entry of the cache is not used");
    }
    return found;
  }
  const auto verify = Clock::now();
  const auto payload = checked_payload(entry->file->bytes(), entry->header);
  found.verify_ms = ms_since(verify);
  if (!payload.ok()) {
    found.warning =
        payload.status().with_context("an entry of the cache is not used: " + path.string());
    return found;
  }
  mark_used(path, options_.now_ns());
  found.entry = CacheEntry{std::move(entry->header.note), *payload, std::move(entry->file)};
  return found;
}

std::optional<uint64_t> Cache::identity(const CacheKey& key) const {
  struct stat info {};
  if (::stat(path_of(key.digest()).c_str(), &info) != 0) return std::nullopt;
  return info.st_ino;
}

Result<std::unique_ptr<FileLock>> Cache::lock(const CacheKey& key,
                                              std::chrono::milliseconds wait_max) const {
  return FileLock::acquire(options_.folder / (key.digest() + std::string(kLock)), wait_max);
}

Status Cache::publish(const std::function<Status(FileLock& staged)>& fill,
                      const std::string& digest) {
  ACCEL_TRY(warning_);
  const fs::path name = options_.folder / (digest + "-" + random_digits() + std::string(kStaging));
  ACCEL_ASSIGN(const auto staged, FileLock::acquire(name, kSweepersGlance));
  ACCEL_TRY(fill(*staged));
  mark_used(name, options_.now_ns());
  ACCEL_TRY(staged->publish(path_of(digest)));
  sweep(options_.bytes_max, digest);
  return {};
}

Status Cache::store(const CacheKey& key, const EntryText& text, const Writer& write) {
  ACCEL_TRY(key.check());
  EntryHeader header{
      .key = key, .label = text.label, .note = text.note, .made_s = options_.now_ns() / kSecondNs};
  return publish(
      [&](FileLock& staged) { return fill_entry(staged, header, options_.bytes_max, write); },
      key.digest());
}

Status Cache::insert(std::span<const std::byte> file) {
  ACCEL_ASSIGN(const EntryHeader header, parse_entry_header(file, file.size()));
  ACCEL_TRY(checked_payload(file, header).status());
  if (file.size() > options_.bytes_max) {
    return resource_exhausted(fmt::format("expected an entry of at most {} bytes, found {}",
                                          options_.bytes_max, file.size()));
  }
  return publish(
      [&](FileLock& staged) { return write_all(staged.fd(), chars(file), staged.path().string()); },
      header.key.digest());
}

std::vector<EntryInfo> Cache::list() const {
  std::vector<EntryInfo> entries;
  for_each_file(options_.folder, [&](const std::string& name, const fs::path& path) {
    if (!is_entry_name(name)) return;
    const auto entry = open_entry(path);
    if (entry.ok()) entries.push_back(info_of(path, *entry));
  });
  std::ranges::sort(entries, [](const EntryInfo& a, const EntryInfo& b) {
    return std::tie(b.used_s, a.digest) < std::tie(a.used_s, b.digest);
  });
  return entries;
}

Result<EntryInfo> Cache::find(std::string_view prefix) const {
  std::vector<EntryInfo> found = list();
  std::erase_if(found, [&](const EntryInfo& entry) { return !entry.digest.starts_with(prefix); });
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    return not_found(
        fmt::format("no entry of the cache begins with '{}'; accel cache list shows them", prefix));
  }
  return invalid_argument(
      fmt::format("{} entries of the cache begin with '{}', the first {} and {}; give more digits",
                  found.size(), prefix, found[0].digest, found[1].digest));
}

std::vector<std::string> Cache::changed_parts(const CacheKey& key, std::string_view label) const {
  std::vector<std::string> least;
  for (const EntryInfo& entry : list()) {
    if (entry.label != label || entry.key.kind != key.kind) continue;
    std::vector<std::string> parts = differing_parts(key, entry.key);
    if (least.empty() || parts.size() < least.size()) least = std::move(parts);
  }
  return least;
}

std::vector<VerifiedFile> Cache::verify() const {
  std::vector<VerifiedFile> files;
  for_each_file(options_.folder, [&](const std::string& name, const fs::path& path) {
    if (is_transient_name(name)) return;  // somebody's at work, or the next sweep's
    std::error_code ignored;
    VerifiedFile file{.name = name, .bytes = 0, .entry = {}, .status = {}};
    if (const auto size = fs::file_size(path, ignored); !ignored) file.bytes = size;
    if (!is_entry_name(name)) {
      file.status = invalid_argument(path.string() + ": not a file of the cache");
    } else if (const auto entry = open_entry(path); !entry.ok()) {
      file.status = entry.status();
    } else {
      file.entry = info_of(path, *entry);
      file.status =
          checked_payload(entry->file->bytes(), entry->header).status().with_context(path.string());
    }
    files.push_back(std::move(file));
  });
  std::ranges::sort(files, {}, &VerifiedFile::name);
  return files;
}

PruneReport Cache::prune(uint64_t bytes_max) { return sweep(bytes_max, ""); }

PruneReport Cache::sweep(uint64_t bytes_max, const std::string& kept) {
  struct Swept {
    int64_t used_ns;
    uint64_t bytes;
    fs::path path;
  };
  std::vector<Swept> entries;
  uint64_t total = 0;
  for_each_file(options_.folder, [&](const std::string& name, const fs::path& path) {
    if (is_transient_name(name)) FileLock::remove_abandoned(path);
    struct stat info {};
    if (!is_entry_name(name) || ::lstat(path.c_str(), &info) != 0) return;
    if (!S_ISREG(info.st_mode)) return;
    const auto bytes = static_cast<uint64_t>(info.st_size);
    total += bytes;
    if (path == path_of(kept)) return;
    entries.push_back({info.st_mtim.tv_sec * kSecondNs + info.st_mtim.tv_nsec, bytes, path});
  });
  std::ranges::sort(entries, {}, &Swept::used_ns);
  PruneReport report;
  for (const Swept& entry : entries) {
    if (total <= bytes_max) break;
    total -= entry.bytes;
    if (::unlink(entry.path.c_str()) != 0) continue;  // another process was quicker, or may not
    report.entries += 1;
    report.bytes += entry.bytes;
  }
  return report;
}

}  // namespace accel::store
