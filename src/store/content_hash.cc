#include "store/content_hash.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "store/cache_key.h"
#include "store/hash.h"
#include "store/wall_clock.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kBlock = 4 << 20;
constexpr unsigned kThreadsMax = 4;
constexpr int64_t kSettledNs = 2'000'000'000;  // FAT stamps every two seconds, others more finely
// Calls hash(block, buffer) for each number below `blocks`, on several threads with a buffer each.
template <class Hash>
void for_each_block(size_t blocks, const Hash& hash) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    std::string buffer;
    for (size_t block = next++; block < blocks; block = next++) hash(block, buffer);
  };
  const size_t most = std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsMax);
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(blocks, most); ++i) threads.emplace_back(work);
  work();
}

std::string digest_of_blocks(uint64_t size, const std::vector<std::string>& blocks) {
  Fingerprinter print;
  print.add(size);
  for (const std::string& block : blocks) print.add(block);
  return print.digits();
}

struct Stamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  // of the inode too, which no program can set
  bool operator==(const Stamp&) const = default;

  std::string text() const {
    return fmt::format("{}:{}:{}:{}:{}", device, inode, size, modified_ns, changed_ns);
  }
};

class OpenFile {
 public:
  static Result<std::unique_ptr<OpenFile>> open(const fs::path& path) {
    // Not blocking, in case the name is a pipe's.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno_status(errno, "opening", path.string());
    return std::unique_ptr<OpenFile>(new OpenFile(path, fd));
  }
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Result<Stamp> stamp() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return errno_status(errno, "reading", path_.string());
    if (!S_ISREG(info.st_mode)) {
      return invalid_argument("hashing " + path_.string() + ": expected a regular file");
    }
    return Stamp{.device = info.st_dev,
                 .inode = info.st_ino,
                 .size = static_cast<uint64_t>(info.st_size),
                 .modified_ns = info.st_mtim.tv_sec * kSecondNs + info.st_mtim.tv_nsec,
                 .changed_ns = info.st_ctim.tv_sec * kSecondNs + info.st_ctim.tv_nsec};
  }

  // Reading, not mapping: a file that somebody shortens meanwhile is an error, not a signal.
  Result<std::string> digest(const Stamp& stamp) const {
    std::vector<std::string> blocks((stamp.size + kBlock - 1) / kBlock);
    std::atomic<int> failure = 0;
    for_each_block(blocks.size(), [&](size_t block, std::string& buffer) {
      buffer.resize(std::min(kBlock, stamp.size - block * kBlock));
      const int error = read_at(block * kBlock, buffer);
      if (error != 0) failure = error;
      blocks[block] = fingerprint(buffer);
    });
    if (failure == kShortened) return changed();
    if (failure != 0) return errno_status(failure, "reading", path_.string());
    ACCEL_ASSIGN(const Stamp after, this->stamp());
    if (after != stamp) return changed();
    return digest_of_blocks(stamp.size, blocks);
  }

 private:
  static constexpr int kShortened = -1;

  OpenFile(fs::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  Status changed() const {
    return {StatusCode::kAborted, "hashing " + path_.string() +
                                      ": expected a file at rest, found one that changed while it "
                                      "was read; try again when it is written"};
  }

  // Fills `buffer`; 0, errno, or kShortened.
  int read_at(uint64_t begin, std::string& buffer) const {
    for (size_t filled = 0; filled < buffer.size();) {
      const ssize_t got = ::pread(fd_, buffer.data() + filled, buffer.size() - filled,
                                  static_cast<off_t>(begin + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno;
      if (got == 0) return kShortened;
      filled += static_cast<size_t>(got);
    }
    return 0;
  }

  const fs::path path_;
  const int fd_;
};

}  // namespace

std::string content_digest(std::span<const std::byte> bytes) {
  std::vector<std::string> blocks((bytes.size() + kBlock - 1) / kBlock);
  for_each_block(blocks.size(), [&](size_t block, std::string& /*buffer*/) {
    const auto part =
        bytes.subspan(block * kBlock, std::min<uint64_t>(kBlock, bytes.size() - block * kBlock));
    blocks[block] = fingerprint({reinterpret_cast<const char*>(part.data()), part.size()});
  });
  return digest_of_blocks(bytes.size(), blocks);
}

Result<std::string> file_digest(const fs::path& path) {
  ACCEL_ASSIGN(const auto file, OpenFile::open(path));
  ACCEL_ASSIGN(const Stamp stamp, file->stamp());
  return file->digest(stamp);
}

ContentHashes::ContentHashes(ContentHashesOptions options)
    : options_(std::move(options)), facts_(Facts::create({.folder = options_.folder})) {}

std::unique_ptr<ContentHashes> ContentHashes::create(ContentHashesOptions options) {
  if (!options.now_ns) options.now_ns = system_now_ns;
  return std::unique_ptr<ContentHashes>(new ContentHashes(std::move(options)));
}

Result<std::string> ContentHashes::of_file(const fs::path& path) const {
  const int64_t begin_ns = options_.now_ns();
  ACCEL_ASSIGN(const auto file, OpenFile::open(path));
  ACCEL_ASSIGN(const Stamp stamp, file->stamp());
  if (stamp.size < kRememberedFrom) return file->digest(stamp);
  const FactKey key{.kind = "content-hash", .detail = stamp.text()};
  const auto known = facts_->get(key);
  if (known && known->is_string() && is_digest(known->get_ref<const std::string&>())) {
    return known->get<std::string>();
  }
  ACCEL_ASSIGN(std::string digest, file->digest(stamp));
  const bool settled = begin_ns - std::max(stamp.modified_ns, stamp.changed_ns) >= kSettledNs;
  // What cannot be kept is hashed again next time; warning() tells of a folder that is unusable.
  if (settled) [[maybe_unused]]
    const Status kept = facts_->put(key, digest);
  return digest;
}

Result<std::string> ContentHashes::of_contents(
    const std::vector<std::filesystem::path>& files) const {
  Fingerprinter contents;
  for (const std::filesystem::path& file : files) {
    ACCEL_ASSIGN(const std::string digest, of_file(file));
    contents.add(digest);
  }
  return contents.digits();
}

Result<std::string> ContentHashes::of_files(const fs::path& base,
                                            std::vector<std::string> names) const {
  std::ranges::sort(names);
  Fingerprinter print;
  for (const std::string& name : names) {
    ACCEL_ASSIGN(const std::string digest, of_file(base / name));
    print.add(name);
    print.add(digest);
  }
  return print.digits();
}

}  // namespace accel::store
