// The cache of things that take long to make and can be made again: converted graphs, compiled
// models. Shared by all processes of a user, bounded in bytes, checked before it is believed.
//
//   auto cache = Cache::create({.folder = cache_dir / "entries"});
//   CacheKey key{.kind = "compiled"};
//   key.add("model", content).add("engine", build).add("precision", "bf16");
//
//   CacheLookup found = cache->lookup(key);
//   if (found.entry) return use(found.entry->payload, found.entry->owner);
//   auto lock = cache->lock(key, 60s);            // others wait here while one makes it
//   found = cache->lookup(key);                   // made meanwhile?
//   ...
//   made = make();
//   Status kept = cache->store(key, {.label = "all-MiniLM-L6-v2"}, [&](std::ostream& out) {
//     return made->save(out);
//   });                                           // not ok: a warning, never a failure
//
// An entry is one file, "<folder>/<digest>.entry" (entry.h). It appears whole or not at all and is
// never changed afterwards: written beside it, synced, renamed. Whoever has it mapped keeps it when
// it is deleted. Beside it may stand "<digest>.lock" while one is being made, and "*.staging" while
// one is being written; both vanish with the process that made them, or in the next sweep. When the
// entries exceed the bound, those not used for longest are deleted. Any file may be deleted at any
// time. Damaged and foreign files are misses, and verify() names them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "store/cache_key.h"
#include "store/file_lock.h"

namespace accel::store {

struct CacheOptions {
  std::filesystem::path folder;             // made when missing, for this user alone
  uint64_t bytes_max = uint64_t{10} << 30;  // of all entries together
  // Nanoseconds since 1970, for tests; default: the system's clock.
  std::function<int64_t()> now_ns = nullptr;
};

// The folder below `cache_dir` and the bound in $ACCEL_CACHE_MAX_SIZE ("500M", "20G"), from a given
// environment: `variable(name)` returns a value or null. INVALID_ARGUMENT for a bound that is no
// size.
Result<CacheOptions> cache_options_from(
    const std::filesystem::path& cache_dir,
    const std::function<const char*(const char* name)>& variable);
Result<CacheOptions> default_cache_options(const std::filesystem::path& cache_dir);

// What is known of an entry without reading its payload.
struct EntryInfo {
  std::string digest;
  CacheKey key;
  std::string label;
  std::string note;
  uint64_t bytes = 0;  // of its file
  int64_t made_s = 0;  // seconds since 1970
  int64_t used_s = 0;  // last hit
};

// A hit. The payload begins at a page of the mapped file and stays readable while `owner` lives.
struct CacheEntry {
  std::string note;
  std::span<const std::byte> payload;
  std::shared_ptr<const void> owner;
};

struct CacheLookup {
  std::optional<CacheEntry> entry;
  Status warning;        // why an entry that is there cannot be used
  double lookup_ms = 0;  // finding it and reading its header
  double verify_ms = 0;  // reading every byte of its payload
};

// A file of the cache's folder and what verify() thinks of it.
struct VerifiedFile {
  std::string name;
  uint64_t bytes = 0;
  std::optional<EntryInfo> entry;  // when its header can be read
  Status status;  // DATA_LOSS for a damaged entry, INVALID_ARGUMENT for a file that is none
};

struct PruneReport {
  uint64_t entries = 0;  // deleted
  uint64_t bytes = 0;    // freed
};

struct EntryText {
  std::string label;  // for people: what it belongs to
  std::string note;   // given back by lookup()
};

// Safe from any thread, and beside other processes on the same folder.
class Cache {
 public:
  // Never fails: in a folder that cannot be written what is there is still found, store() returns
  // the reason, and so does warning().
  static std::unique_ptr<Cache> create(CacheOptions options);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const Status& warning() const { return warning_; }
  const CacheOptions& options() const { return options_; }

  // The entry of exactly this key, every byte of it checked. A hit counts as use.
  CacheLookup lookup(const CacheKey& key) const;

  // A number of the entry of this key, which is another one when it was stored anew; nothing when
  // there is none. Quick: looks at no byte of it.
  std::optional<uint64_t> identity(const CacheKey& key) const;

  // The lock of a key, for whoever makes its entry; errors as FileLock::acquire(). Without it one
  // may go on and store as well: the last one wins, and nothing breaks.
  Result<std::unique_ptr<FileLock>> lock(const CacheKey& key,
                                         std::chrono::milliseconds wait_max) const;

  using Writer = std::function<Status(std::ostream& out)>;
  // Stores what `write` writes (it may go back in its stream), then sweeps. Errors leave what was
  // there: INVALID_ARGUMENT for a key outside its bounds, RESOURCE_EXHAUSTED for a full disk or an
  // entry larger than the whole cache may be, `write`'s own, the system's.
  Status store(const CacheKey& key, const EntryText& text, const Writer& write);
  // Stores the file of an entry of another cache after checking all of it. DATA_LOSS.
  Status insert(std::span<const std::byte> file);

  // All entries, the last used first; at most 65,536.
  std::vector<EntryInfo> list() const;
  // The one whose digest begins with `prefix`. NOT_FOUND; INVALID_ARGUMENT when there are several.
  Result<EntryInfo> find(std::string_view prefix) const;
  // Which parts of `key` differ from those of the most similar entry of its kind and label: why
  // this is a miss. Empty when there is no such entry.
  std::vector<std::string> changed_parts(const CacheKey& key, std::string_view label) const;

  // Reads every byte of every file. Sorted by name.
  std::vector<VerifiedFile> verify() const;
  // Deletes what was not used for longest until at most `bytes_max` remain, and what dead processes
  // left.
  PruneReport prune(uint64_t bytes_max);

  std::filesystem::path path_of(std::string_view digest) const;

 private:
  explicit Cache(CacheOptions options);
  Status publish(const std::function<Status(FileLock& staged)>& fill, const std::string& digest);
  PruneReport sweep(uint64_t bytes_max, const std::string& kept);

  const CacheOptions options_;
  const Status warning_;
};

}  // namespace accel::store
