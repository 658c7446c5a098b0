#include "engine/output_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ranges>
#include <system_error>

#include "base/files.h"
#include "base/try.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

Status failed(const std::error_code& error, std::string_view action, const fs::path& path) {
  return errno_status(error.value(), action, path.string());
}

Status check_target(const fs::path& target, bool force, bool (*replaceable)(const fs::path&)) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return {};
  if (fs::is_directory(target, error) && fs::is_empty(target, error)) return {};
  if (!force) {
    return already_exists(target.string() +
                          ": expected nothing of that name, found it; give another name, or "
                          "--force to replace it");
  }
  if (fs::is_directory(target, error) && replaceable(target)) return {};
  return failed_precondition(target.string() +
                             ": expected a converted model to replace, found something else; "
                             "delete it first, or give another name");
}

}  // namespace

Result<std::unique_ptr<OutputFolder>> OutputFolder::create(const fs::path& path, bool force,
                                                           bool (*replaceable)(const fs::path&)) {
  std::error_code error;
  fs::path target = fs::absolute(path, error).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "name/"
  if (error || !target.has_filename()) {
    return invalid_argument(path.string() + ": expected the name of a folder, found none");
  }
  ACCEL_TRY(check_target(target, force, replaceable));
  const fs::path temporary =
      target.parent_path() / fmt::format("{}.partial-{}", target.filename().string(), ::getpid());
  std::unique_ptr<OutputFolder> folder(new OutputFolder(target, temporary));
  std::vector<fs::path> missing;
  for (fs::path above = target.parent_path(); !fs::exists(above, error) && above.has_filename();
       above = above.parent_path()) {
    missing.push_back(above);
  }
  for (const fs::path& above : missing | std::views::reverse) {
    if (!fs::create_directory(above, error) && error) return failed(error, "creating", above);
    folder->made_.push_back(above);
  }
  fs::remove_all(temporary, error);  // of a process that had this number and was killed
  if (!fs::create_directory(temporary, error)) return failed(error, "creating", temporary);
  return folder;
}

OutputFolder::~OutputFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  // remove() takes only empty folders.
  for (const fs::path& above : made_ | std::views::reverse) fs::remove(above, ignored);
}

Status OutputFolder::write(const fs::path& name, std::string_view content) {
  std::error_code error;
  const fs::path path = temporary_ / name;
  fs::create_directories(path.parent_path(), error);
  if (error) return failed(error, "creating", path.parent_path());
  ACCEL_ASSIGN(const auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(content));
  return file->commit();
}

Status OutputFolder::copy(const fs::path& from, const fs::path& name) {
  ACCEL_ASSIGN(const auto mapped, MappedFile::open(from));
  const auto bytes = mapped->bytes();
  return write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Status OutputFolder::commit() {
  std::error_code error;
  const fs::path before = temporary_.string() + "-before";
  bool moved = false;
  if (fs::exists(fs::symlink_status(target_, error))) {
    fs::rename(target_, before, error);
    if (error) return failed(error, "replacing", target_);
    moved = true;
  }
  fs::rename(temporary_, target_, error);
  if (error) {
    std::error_code ignored;
    if (moved) fs::rename(before, target_, ignored);
    return failed(error, "creating", target_);
  }
  committed_ = true;
  if (moved) fs::remove_all(before, error);
  return {};
}

}  // namespace accel::engine
