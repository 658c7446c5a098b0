// Entries of a cache as one file, to take to another machine: a ZIP archive of their files under
// their own names, stored, so that nothing is unpacked.
//
// Checksums tell accidents apart, not attackers: what comes out of a cache is run, so an archive is
// trusted as a program is.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "store/cache.h"
#include "store/entry.h"

namespace accel::store {

struct ArchivedEntry {
  std::string digest;
  EntryHeader header;
  std::span<const std::byte> file;  // a view of the archive
};

// What an archive holds, with every checksum checked. At most 4,096 entries. INVALID_ARGUMENT for
// an archive with other things in it or names that leave the folder; DATA_LOSS for damage; memory
// and time are linear in the archive. Pure.
Result<std::vector<ArchivedEntry>> read_cache_archive(std::span<const std::byte> archive);

// Writes the entries `digests` of `cache`, each verified first. The file appears only when
// complete. NOT_FOUND or DATA_LOSS naming the entry; the system's reason.
Status export_entries(const Cache& cache, const std::vector<std::string>& digests,
                      const std::filesystem::path& file);

struct ImportedEntry {
  std::string digest;
  EntryHeader header;
  Status status;  // not ok: refused or not stored, and why
};

// Reads the whole archive, then stores those entries that `accepts` accepts: it looks at the key
// and says why an entry is of no use here. The errors of read_cache_archive(), RESOURCE_EXHAUSTED
// when the accepted ones are more than the cache may hold; then nothing was stored.
Result<std::vector<ImportedEntry>> import_entries(
    Cache& cache, const std::filesystem::path& file,
    const std::function<Status(const CacheKey& key)>& accepts);

}  // namespace accel::store
