// Content hashes: which bytes a file holds, whatever its name, place and age. Reading gigabytes at
// every start would cost more than it saves, so the hash of a big file is remembered.
//
//   auto hashes = ContentHashes::create({.folder = cache_dir / "hashes"});
//   ACCEL_ASSIGN(std::string weights, hashes->of_file(folder / "model.onnx"));
//
// The digest (32 hexadecimal digits) is XXH3-128 over the size and the XXH3-128 of each 4 MiB, so
// that several threads can work on one file. It tells accidents apart, not attackers (hash.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accel/status.h"
#include "store/facts.h"

namespace accel::store {

// Of bytes in memory. On up to four threads when they are many.
std::string content_digest(std::span<const std::byte> bytes);

// Of a regular file, read whole. NOT_FOUND, PERMISSION_DENIED; INVALID_ARGUMENT for another kind of
// file; ABORTED when it changed while it was read.
Result<std::string> file_digest(const std::filesystem::path& path);

struct ContentHashesOptions {
  std::filesystem::path folder;  // of the remembered hashes; made when missing
  // Nanoseconds since 1970, of the clock that stamps files. For tests.
  std::function<int64_t()> now_ns = nullptr;
};

// Remembers the digests of files by device, inode, size and the times of their last changes in
// nanoseconds. A file that changed less than two seconds before it was hashed is not remembered:
// another change could have left the same times (file systems stamp coarsely; git's index has the
// same rule). What it cannot see is a change through a mapping that the system has not stamped yet.
//
// Safe from any thread, and beside other processes on the same folder.
class ContentHashes {
 public:
  // A smaller file is read each time, which is quicker than remembering it.
  static constexpr uint64_t kRememberedFrom = 256 << 10;

  // Never fails: with an unusable folder nothing is remembered, and warning() says why.
  static std::unique_ptr<ContentHashes> create(ContentHashesOptions options);
  ContentHashes(const ContentHashes&) = delete;
  ContentHashes& operator=(const ContentHashes&) = delete;

  const Status& warning() const { return facts_->warning(); }

  // Errors as file_digest().
  Result<std::string> of_file(const std::filesystem::path& path) const;

  // Of several files' bytes in this order, whatever the files are called.
  Result<std::string> of_contents(const std::vector<std::filesystem::path>& files) const;

  // Of several files below `base`: their names, as given, and contents, in any order. The same
  // files elsewhere have the same digest.
  Result<std::string> of_files(const std::filesystem::path& base,
                               std::vector<std::string> names) const;

 private:
  explicit ContentHashes(ContentHashesOptions options);
  const ContentHashesOptions options_;
  const std::unique_ptr<Facts> facts_;
};

}  // namespace accel::store
