// One file on its way into a cache: what came so far, and the hash of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "hub/http.h"
#include "hub/repository.h"
#include "hub/sha.h"

namespace accel::hub {

// Appends to "HASH.incomplete" and renames it when it is whole and right. What came stays for the
// next try, unless discard() was called. One owner, one thread.
class BlobFile : public HttpSink {
 public:
  // Opens `incomplete` or makes it, and hashes what it holds.
  static Result<std::unique_ptr<BlobFile>> open(const std::filesystem::path& incomplete,
                                                const RepositoryFile& file);
  ~BlobFile() override;
  BlobFile(const BlobFile&) = delete;
  BlobFile& operator=(const BlobFile&) = delete;

  uint64_t have() const { return have_; }  // bytes
  bool whole() const { return have_ == file_.size; }
  bool resumed() const { return resumed_; }  // some of it was there when it was opened

  // DATA_LOSS when the server's answer does not fit what was asked for and what was listed.
  Status head(const HttpHead& head) override;
  // DATA_LOSS past the listed size, RESOURCE_EXHAUSTED for a full disk.
  Status body(std::string_view bytes) override;

  // Of a whole file: checks the hash, syncs, and renames to `blob`. DATA_LOSS when the hash is
  // another one.
  Status publish(const std::filesystem::path& blob);
  // Begins again from nothing.
  Status restart();
  // Deletes what came.
  void discard();

 private:
  BlobFile(std::filesystem::path path, RepositoryFile file, int fd);
  void add_to_hash(std::string_view bytes);
  void begin_hash();
  Status hash_what_is_there();

  const std::filesystem::path path_;
  const RepositoryFile file_;
  const int fd_;
  uint64_t have_ = 0;
  bool resumed_ = false;
  Sha256 sha256_;
  Sha1 sha1_;
};

}  // namespace accel::hub
