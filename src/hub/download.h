// accel pull: a model's files from a hub into the cache that the Hub's clients share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "hub/http.h"
#include "hub/model_name.h"
#include "hub/repository.h"

namespace accel::hub {

struct FileProgress {
  std::string hash;  // RepositoryFile::hash
  uint64_t bytes = 0;
  uint64_t bytes_total = 0;
};

struct PullProgress {
  uint64_t bytes = 0;  // there already, those of an earlier try too
  uint64_t bytes_total = 0;
  size_t files = 0;
  size_t files_total = 0;
  std::vector<FileProgress> each;  // the same files in each call, in the same order
};

struct PullOptions {
  std::string endpoint;  // of settings.h
  std::string token;     // sent to the endpoint's own host only, and never part of a message
  std::filesystem::path cache;
  ModelName name;
  Selection selection;
  int jobs = 4;          // files at a time, 1 to 16
  bool dry_run = false;  // only what would be done
  HttpOptions http;
  int stop_fd = -1;  // readable: end with CANCELLED
  // About ten times a second.
  std::function<void(const PullProgress&)> progress;
  // Once, when the pull waits for another process that pulls the same model.
  std::function<void()> waiting;
};

enum class PulledState : uint8_t { kCached, kDownloaded, kResumed };
std::string_view to_string(PulledState state);  // "cached", "downloaded", "resumed"

struct PulledFile {
  RepositoryFile file;
  PulledState state = PulledState::kCached;
};

struct PullReport {
  std::string commit;
  std::filesystem::path folder;   // the snapshot, which is there unless it was a dry run
  std::vector<PulledFile> files;  // sorted by name
  Choice choice;
  uint64_t bytes_downloaded = 0;  // in a dry run: that would be
};

// Lists the model's files, takes those that `selection` wants and the cache lacks, several at a
// time, checks their hashes, and makes the snapshot and then the reference. A failure leaves the
// model as it was: what came is kept beside it as ".incomplete" for the next try, but not when it
// was wrong or the disk is full. Safe beside other pulls and huggingface_hub in the same cache.
// Runs in the caller's thread.
//
// NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED and UNAVAILABLE of the hub; DATA_LOSS for bytes
// that are not those listed; RESOURCE_EXHAUSTED for a disk without room; CANCELLED.
Result<PullReport> pull(const PullOptions& options);

}  // namespace accel::hub
