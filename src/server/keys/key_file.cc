#include "server/keys/key_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "config/yaml.h"
#include "server/keys/key_edit.h"
#include "store/file_lock.h"

namespace accel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kKeyFileLockWait{10};

// Whoever can write the file can give himself a key.
Status check_writers(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno_status(errno, "reading", path.string());
  if ((info.st_mode & S_IWOTH) == 0) return {};
  return permission_denied("reading " + path.string() +
                           ": expected a file that not everybody may write; chmod 600 mends it");
}

// Reads, changes and writes while nobody else does. `change` makes Result<std::string> of the text.
template <class Change>
Status rewrite(const fs::path& path, Change change) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(path, error);  // links stay
  if (error) return errno_status(error.value(), "opening", path.string());
  ACCEL_ASSIGN(const auto lock,
               store::FileLock::acquire(target.string() + ".lock", kKeyFileLockWait));
  Result<std::string> text = read_file(target, config::kYamlBytesMax);
  if (!text.ok() && text.status().code() != StatusCode::kNotFound) return text.status();
  ACCEL_ASSIGN(const std::string changed, change(text.ok() ? *text : std::string()));
  // Whoever left the lock behind may have begun to write.
  if (::ftruncate(lock->fd(), 0) != 0 || ::fchmod(lock->fd(), 0600) != 0) {
    return errno_status(errno, "writing", target.string());
  }
  ACCEL_TRY(write_all(lock->fd(), changed, target.string()));
  return lock->publish(target);
}

}  // namespace

Result<KeyTable> read_key_file(const fs::path& path) {
  ACCEL_TRY(check_writers(path));
  ACCEL_ASSIGN(const std::string text, read_file(path, config::kYamlBytesMax));
  return parse_key_table(text, path.string());
}

Result<std::unique_ptr<KeyFile>> KeyFile::open(fs::path path) {
  std::unique_ptr<KeyFile> file(new KeyFile(std::move(path)));
  ACCEL_TRY(file->reload());
  return file;
}

Status KeyFile::reload() {
  ACCEL_ASSIGN(KeyTable table, read_key_file(path_));
  auto next = std::make_shared<const KeyTable>(std::move(table));
  const std::lock_guard lock(mutex_);
  table_.swap(next);
  return {};
}

std::shared_ptr<const KeyTable> KeyFile::table() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

Status add_key(const fs::path& path, const Key& key) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) return errno_status(error.value(), "creating", path.parent_path().string());
  return rewrite(path, [&](const std::string& text) { return with_key(text, path.string(), key); });
}

Result<size_t> revoke_keys(const fs::path& path, std::string_view name, std::string_view id) {
  ACCEL_TRY(read_key_file(path).status());  // that there is one
  size_t count = 0;
  ACCEL_TRY(rewrite(path, [&](const std::string& text) -> Result<std::string> {
    ACCEL_ASSIGN(RevokedKeys without, without_keys(text, path.string(), name, id));
    count = without.count;
    return std::move(without.text);
  }));
  return count;
}

}  // namespace accel::server
