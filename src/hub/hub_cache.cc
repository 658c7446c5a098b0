#include "hub/hub_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/files.h"
#include "base/try.h"
#include "hub/cache_walk.h"
#include "hub/file_names.h"
#include "store/private_folder.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShortCommitMin = 7;
constexpr uint64_t kReferenceBytesMax = 4096;
constexpr std::string_view kBuilding = ".accel-building-";

// The commit that a reference's file holds; empty when it holds none.
std::string commit_in(const fs::path& reference) {
  const Result<std::string> text = read_file(reference, kReferenceBytesMax);
  if (!text.ok()) return "";
  std::string commit = text->substr(0, text->find_first_of(" \r\n"));
  return fault_of_file_name(commit).empty() && commit.find('/') == std::string::npos ? commit : "";
}

// References below refs/ and the commits they name: {"main", "refs/pr/1"}.
std::vector<std::pair<std::string, std::string>> references_in(const fs::path& refs) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const fs::path& file : files_below(refs)) {
    found.emplace_back(file.lexically_relative(refs).string(), commit_in(file));
  }
  std::ranges::sort(found);
  return found;
}

CachedSnapshot read_snapshot(const fs::path& folder) {
  CachedSnapshot snapshot{
      .commit = folder.filename().string(), .refs = {}, .folder = folder, .bytes = 0};
  for (const fs::path& file : files_below(folder)) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) continue;  // a link to nothing
    snapshot.bytes += static_cast<uint64_t>(info.st_size);
    snapshot.files += 1;
    snapshot.used_s = std::max<int64_t>(snapshot.used_s, info.st_atime);
  }
  return snapshot;
}

// The names of the blobs that the files of a snapshot link to.
void add_blobs_of(const fs::path& snapshot, std::set<std::string>& blobs) {
  for (const fs::path& file : files_below(snapshot)) {
    std::error_code error;
    const fs::path target = fs::read_symlink(file, error);
    if (!error) blobs.insert(target.filename().string());
  }
}

Status write_reference(const fs::path& path, const std::string& commit) {
  if (commit_in(path) == commit) return {};
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return errno_status(error.value(), "creating", path.parent_path().string());
  ACCEL_ASSIGN(const auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(commit));
  return file->commit();
}

// One file's link in `snapshot`; what has the name already stays when it leads to the same blob.
Status add_link(const fs::path& snapshot, const RepositoryFile& file) {
  const fs::path path = snapshot / file.name;
  const fs::path target = blob_link(file.name, file.hash);
  std::error_code error;
  if (fs::read_symlink(path, error) == target) return {};
  fs::create_directories(path.parent_path(), error);
  if (error) return errno_status(error.value(), "creating", path.parent_path().string());
  const fs::path fresh =
      path.parent_path() / fmt::format("{}{}", kBuilding, store::random_digits());
  fs::create_symlink(target, fresh, error);
  if (error) return errno_status(error.value(), "linking", path.string());
  fs::rename(fresh, path, error);
  if (!error) return {};
  std::error_code ignored;
  fs::remove(fresh, ignored);
  return errno_status(error.value(), "creating", path.string());
}

Status add_links(const fs::path& snapshot, const std::vector<RepositoryFile>& files) {
  for (const RepositoryFile& file : files) ACCEL_TRY(add_link(snapshot, file));
  return {};
}

Result<fs::path> snapshot_to_remove(const ModelPlaces& places, const ModelName& name) {
  if (const auto found = find_snapshot(places.folder, name.revision)) return *found;
  std::vector<std::string> known;
  for (const auto& [reference, commit] : references_in(places.refs)) known.push_back(reference);
  for (const fs::path& folder : folders_in(places.snapshots)) {
    known.push_back(folder.filename().string());
  }
  return not_found(fmt::format("{} has no revision '{}' in the cache; there are: {}",
                               name.repository, name.revision, fmt::join(known, ", ")));
}

// Deletes the blobs but those in `kept`; the bytes freed.
uint64_t remove_blobs(const ModelPlaces& places, const std::set<std::string>& kept) {
  uint64_t freed = 0;
  for (const fs::path& blob : files_below(places.blobs)) {
    if (kept.contains(blob.filename().string())) continue;
    const uint64_t size = file_bytes(blob);
    std::error_code error;
    if (fs::remove(blob, error)) freed += size;
  }
  return freed;
}

Status remove_tree(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  return error ? errno_status(error.value(), "deleting", folder.string()) : Status();
}

}  // namespace

ModelPlaces::ModelPlaces(const fs::path& cache, const ModelName& name)
    : folder(cache / name.folder()),
      blobs(folder / "blobs"),
      snapshots(folder / "snapshots"),
      refs(folder / "refs"),
      locks(cache / ".locks" / name.folder()) {}

fs::path ModelPlaces::incomplete(std::string_view hash) const {
  return blobs / (std::string(hash) + ".incomplete");
}

fs::path ModelPlaces::blob_lock(std::string_view hash) const {
  return locks / (std::string(hash) + ".lock");
}

fs::path blob_link(std::string_view file, std::string_view hash) {
  fs::path link = "../..";
  for (auto folders = std::ranges::count(file, '/'); folders > 0; --folders) link /= "..";
  return link / "blobs" / hash;
}

std::optional<fs::path> find_snapshot(const fs::path& folder, std::string_view revision) {
  const fs::path snapshots = folder / "snapshots";
  const std::string wanted = revision.empty() ? "main" : std::string(revision);
  if (!fault_of_file_name(wanted).empty()) return std::nullopt;
  const std::string commit = commit_in(folder / "refs" / wanted);
  if (!commit.empty() && is_folder(snapshots / commit)) return snapshots / commit;
  const std::vector<fs::path> all = folders_in(snapshots);
  if (revision.empty()) return all.size() == 1 ? std::optional(all.front()) : std::nullopt;
  std::vector<fs::path> fitting;
  for (const fs::path& one : all) {
    const std::string name = one.filename().string();
    if (name == wanted) return one;
    if (wanted.size() >= kShortCommitMin && name.starts_with(wanted)) fitting.push_back(one);
  }
  return fitting.size() == 1 ? std::optional(fitting.front()) : std::nullopt;
}

std::vector<CachedModel> cached_models(const fs::path& cache) {
  std::vector<CachedModel> models;
  for (const fs::path& folder : folders_in(cache)) {
    CachedModel model{.name = repository_of_folder(folder.filename().string()), .folder = folder};
    if (model.name.empty()) continue;
    const auto references = references_in(folder / "refs");
    for (const fs::path& one : folders_in(folder / "snapshots")) {
      CachedSnapshot snapshot = read_snapshot(one);
      for (const auto& [reference, commit] : references) {
        if (commit == snapshot.commit) snapshot.refs.push_back(reference);
      }
      model.snapshots.push_back(std::move(snapshot));
    }
    for (const fs::path& blob : files_below(folder / "blobs")) {
      const uint64_t bytes = file_bytes(blob);
      model.bytes += bytes;
      if (blob.extension() == ".incomplete") model.bytes_incomplete += bytes;
    }
    models.push_back(std::move(model));
  }
  std::ranges::sort(models, {}, &CachedModel::name);
  return models;
}

Result<std::unique_ptr<store::FileLock>> lock_model(const ModelPlaces& places,
                                                    std::chrono::milliseconds wait) {
  std::error_code error;
  fs::create_directories(places.locks, error);
  if (error) return errno_status(error.value(), "creating", places.locks.string());
  return store::FileLock::acquire(places.locks / "accel.lock", wait);
}

Result<Removal> remove_model(const fs::path& cache, const ModelName& name,
                             std::chrono::milliseconds wait) {
  const ModelPlaces places(cache, name);
  if (!is_folder(places.folder)) {
    return not_found(
        fmt::format("{} is not in {}; accel list shows what is", name.repository, cache.string()));
  }
  ACCEL_ASSIGN(const auto lock, lock_model(places, wait));
  Removal removal;
  std::vector<fs::path> going;
  if (name.revision.empty()) {
    going = folders_in(places.snapshots);
  } else {
    ACCEL_ASSIGN(fs::path one, snapshot_to_remove(places, name));
    going.push_back(std::move(one));
  }
  std::set<std::string> kept;
  for (const fs::path& snapshot : folders_in(places.snapshots)) {
    if (std::ranges::find(going, snapshot) == going.end()) add_blobs_of(snapshot, kept);
  }
  removal.whole = going.size() == folders_in(places.snapshots).size();
  // References first: what they name is whole as long as they are there.
  for (const auto& [reference, commit] : references_in(places.refs)) {
    const bool gone = std::ranges::any_of(
        going, [&](const fs::path& snapshot) { return snapshot.filename() == commit; });
    std::error_code ignored;
    if (gone || removal.whole) fs::remove(places.refs / reference, ignored);
  }
  for (const fs::path& snapshot : going) {
    ACCEL_TRY(remove_tree(snapshot));
    removal.commits.push_back(snapshot.filename().string());
  }
  removal.bytes = remove_blobs(places, kept);
  if (removal.whole) ACCEL_TRY(remove_tree(places.folder));
  return removal;
}

Status publish_snapshot(const ModelPlaces& places, const std::string& commit,
                        const std::string& revision, const std::vector<RepositoryFile>& files) {
  const fs::path snapshot = places.snapshot(commit);
  std::error_code error;
  fs::create_directories(places.snapshots, error);
  if (error) return errno_status(error.value(), "creating", places.snapshots.string());
  if (is_folder(snapshot)) {
    ACCEL_TRY(add_links(snapshot, files));
  } else {
    const fs::path fresh = places.folder / fmt::format("{}{}", kBuilding, store::random_digits());
    Status built = add_links(fresh, files);
    if (built.ok() && ::rename(fresh.c_str(), snapshot.c_str()) != 0) {
      built = errno_status(errno, "creating", snapshot.string());
    }
    if (!built.ok()) {
      fs::remove_all(fresh, error);
      return built;
    }
  }
  if (revision == commit) return {};
  return write_reference(places.refs / revision, commit);
}

}  // namespace accel::hub
