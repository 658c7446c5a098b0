#include "store/cache_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "tensors/zip.h"

namespace accel::store {
namespace {

constexpr size_t kEntriesMax = 4096;

Result<ArchivedEntry> read_entry(std::span<const std::byte> archive,
                                 const tensors::ZipEntry& entry) {
  if (entry.deflated) {
    return invalid_argument("expected a stored entry, found a compressed one");
  }
  std::vector<std::byte> unused;
  ACCEL_ASSIGN(const auto file, tensors::read_zip_entry(archive, entry, unused));
  ACCEL_ASSIGN(EntryHeader header, parse_entry_header(file, file.size()));
  ACCEL_TRY(checked_payload(file, header).status());
  std::string digest = header.key.digest();
  if (entry.name != digest + std::string(kEntrySuffix)) {
    return invalid_argument(fmt::format("expected the name {}{}", digest, kEntrySuffix));
  }
  return ArchivedEntry{std::move(digest), std::move(header), file};
}

}  // namespace

Result<std::vector<ArchivedEntry>> read_cache_archive(std::span<const std::byte> archive) {
  ACCEL_ASSIGN(const auto entries, tensors::read_zip_directory(archive));
  if (entries.size() > kEntriesMax) {
    return resource_exhausted(fmt::format("cache archive: expected at most {} entries, found {}",
                                          kEntriesMax, entries.size()));
  }
  std::vector<ArchivedEntry> found;
  std::set<std::string> digests;
  for (const tensors::ZipEntry& entry : entries) {
    auto read = read_entry(archive, entry);
    if (!read.ok()) return read.status().with_context("cache archive: " + entry.name);
    if (!digests.insert(read->digest).second) {
      return invalid_argument("cache archive: " + entry.name + " occurs twice");
    }
    found.push_back(std::move(*read));
  }
  return found;
}

Status export_entries(const Cache& cache, const std::vector<std::string>& digests,
                      const std::filesystem::path& file) {
  if (digests.size() > kEntriesMax) {
    return invalid_argument(fmt::format("exporting: expected at most {} entries, found {}",
                                        kEntriesMax, digests.size()));
  }
  ACCEL_ASSIGN(const auto out, AtomicFile::create(file));
  tensors::ZipWriter archive(*out);
  for (const std::string& digest : std::set<std::string>(digests.begin(), digests.end())) {
    if (!is_digest(digest)) return not_found("'" + digest + "' is no entry of the cache");
    ACCEL_ASSIGN(const auto entry, MappedFile::open(cache.path_of(digest)));
    const std::string name = entry->path().filename().string();
    const auto header = parse_entry_header(entry->bytes(), entry->bytes().size());
    if (!header.ok()) return header.status().with_context("exporting " + name);
    ACCEL_TRY(checked_payload(entry->bytes(), *header).status().with_context("exporting " + name));
    const std::string_view content(reinterpret_cast<const char*>(entry->bytes().data()),
                                   entry->bytes().size());
    ACCEL_TRY(archive.add(name, {&content, 1}));
  }
  ACCEL_TRY(archive.finish());
  return out->commit();
}

Result<std::vector<ImportedEntry>> import_entries(
    Cache& cache, const std::filesystem::path& file,
    const std::function<Status(const CacheKey& key)>& accepts) {
  ACCEL_ASSIGN(const auto archive, MappedFile::open(file));
  auto entries = read_cache_archive(archive->bytes());
  if (!entries.ok()) return entries.status().with_context(file.string());
  std::vector<ImportedEntry> imported;
  uint64_t bytes = 0;
  for (const ArchivedEntry& entry : *entries) {
    imported.push_back({entry.digest, entry.header, accepts(entry.header.key)});
    if (imported.back().status.ok()) bytes += entry.file.size();
  }
  if (bytes > cache.options().bytes_max) {
    return resource_exhausted(
        fmt::format("{}: expected entries of at most {} bytes together, found {}; set "
                    "ACCEL_CACHE_MAX_SIZE",
                    file.string(), cache.options().bytes_max, bytes));
  }
  for (size_t i = 0; i < imported.size(); ++i) {
    if (imported[i].status.ok()) imported[i].status = cache.insert((*entries)[i].file);
  }
  return imported;
}

}  // namespace accel::store
