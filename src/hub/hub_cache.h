// The cache that the Hub's clients share, in the layout of huggingface_hub:
//
//   models--ORG--NAME/blobs/HASH                  the bytes of a file, named by their hash
//   models--ORG--NAME/blobs/HASH.incomplete       what has come of it so far
//   models--ORG--NAME/snapshots/COMMIT/a/b.json   a link to ../../../blobs/HASH
//   models--ORG--NAME/refs/main                   the commit that a branch or tag had last
//   .locks/models--ORG--NAME/HASH.lock            held (flock) by who fetches that file
//
// Source: huggingface_hub, "Understand caching". Others write here at the same time: what is gone
// meanwhile is passed over.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "hub/model_name.h"
#include "hub/repository.h"
#include "store/file_lock.h"

namespace accel::hub {

// The folders of one model in a cache. Pure.
struct ModelPlaces {
  ModelPlaces(const std::filesystem::path& cache, const ModelName& name);

  std::filesystem::path blob(std::string_view hash) const { return blobs / hash; }
  std::filesystem::path incomplete(std::string_view hash) const;
  std::filesystem::path blob_lock(std::string_view hash) const;
  std::filesystem::path snapshot(std::string_view commit) const { return snapshots / commit; }

  std::filesystem::path folder;
  std::filesystem::path blobs;
  std::filesystem::path snapshots;
  std::filesystem::path refs;
  std::filesystem::path locks;
};

// "../../blobs/HASH" for "config.json", one "../" more for each folder of `file`. Pure.
std::filesystem::path blob_link(std::string_view file, std::string_view hash);

// The snapshot of the model folder `folder` that `revision` means: the commit that refs/REVISION
// names, or a commit or the first 7 digits or more of one. Empty: refs/main, else the only one.
std::optional<std::filesystem::path> find_snapshot(const std::filesystem::path& folder,
                                                   std::string_view revision);

struct CachedSnapshot {
  std::string commit;
  std::vector<std::string> refs;  // that name it, sorted
  std::filesystem::path folder;
  uint64_t bytes = 0;  // of its files, shared ones too
  size_t files = 0;
  int64_t used_s = 0;  // when one of them was read last, as far as the file system notes it
};

struct CachedModel {
  std::string name;  // "org/name"
  std::filesystem::path folder;
  std::vector<CachedSnapshot> snapshots;  // sorted by commit
  uint64_t bytes = 0;                     // of all blobs, each once
  uint64_t bytes_incomplete = 0;
};

// Sorted by name; none when there is no such folder.
std::vector<CachedModel> cached_models(const std::filesystem::path& cache);

struct Removal {
  std::vector<std::string> commits;  // of the snapshots that were deleted
  uint64_t bytes = 0;                // freed
  bool whole = false;                // nothing of the model is left
};

// Deletes what `name` means: the whole model, or with a revision that snapshot, the references to
// it, and the blobs that no other snapshot links to. Waits for a pull of the model at most `wait`.
// NOT_FOUND says what there is instead.
Result<Removal> remove_model(const std::filesystem::path& cache, const ModelName& name,
                             std::chrono::milliseconds wait);

// Held by who adds to a model or deletes of it. DEADLINE_EXCEEDED when somebody else has it.
Result<std::unique_ptr<store::FileLock>> lock_model(const ModelPlaces& places,
                                                    std::chrono::milliseconds wait);

// Makes `files`, whose blobs are all there, the snapshot `commit`: at once when there is none of
// that commit, else by adding the links that it lacks. Then refs/REVISION, unless `revision` is the
// commit itself.
Status publish_snapshot(const ModelPlaces& places, const std::string& commit,
                        const std::string& revision, const std::vector<RepositoryFile>& files);

}  // namespace accel::hub
