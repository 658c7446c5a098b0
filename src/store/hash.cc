#include "store/hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/files.h"
#include "base/try.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 4096;
constexpr uint64_t kMaxContentBytes = 64ull << 20;
constexpr size_t kHeaderBytes = 64 << 10;

constexpr auto kSettingsSuffixes = std::to_array<std::string_view>(
    {".json", ".txt", ".model", ".jinja", ".xml", ".tiktoken", ".vocab", ".bpe", ".yaml", ".yml"});
constexpr auto kWeightsSuffixes = std::to_array<std::string_view>(
    {".safetensors", ".bin", ".onnx", ".onnx_data", ".gguf", ".pt", ".pth", ".h5", ".pb", ".tflite",
     ".msgpack", ".npz", ".pdiparams", ".pdmodel"});

std::string digits_of(XXH128_hash_t hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  std::string text;
  for (const unsigned char byte : bytes.digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

enum class Kind { kOther, kSettings, kWeights };

Kind kind_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.starts_with('.')) return Kind::kOther;
  const auto ends = [&name](std::string_view suffix) { return name.ends_with(suffix); };
  if (std::any_of(kSettingsSuffixes.begin(), kSettingsSuffixes.end(), ends)) return Kind::kSettings;
  if (std::any_of(kWeightsSuffixes.begin(), kWeightsSuffixes.end(), ends)) return Kind::kWeights;
  return Kind::kOther;
}

// Adds what identifies one file without reading much of it.
Status add_file(const fs::path& path, const std::string& name, Kind kind, Fingerprinter& print) {
  // Not blocking, in case the name turned into a pipe since it was listed.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno_status(errno, "opening", path.string());
  struct stat info {};
  std::string bytes;
  Status status;
  if (::fstat(fd, &info) != 0) {
    status = errno_status(errno, "reading", path.string());
  } else if (!S_ISREG(info.st_mode)) {
    status = invalid_argument("reading " + path.string() + ": expected a regular file");
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  const bool whole = kind == Kind::kSettings && size <= kMaxContentBytes;
  if (status.ok()) {
    bytes.resize(static_cast<size_t>(whole ? size : std::min<uint64_t>(size, kHeaderBytes)));
  }
  size_t filled = 0;
  while (status.ok() && filled < bytes.size()) {
    const ssize_t got = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = errno_status(errno, "reading", path.string());
    if (got <= 0) break;
    filled += static_cast<size_t>(got);
  }
  ::close(fd);
  ACCEL_TRY(status);
  bytes.resize(filled);
  print.add(name);
  print.add(size);
  print.add(bytes);
  if (whole) return {};
  print.add(static_cast<uint64_t>(info.st_mtim.tv_sec));
  print.add(static_cast<uint64_t>(info.st_mtim.tv_nsec));
  print.add(static_cast<uint64_t>(info.st_ino));
  return {};
}

// Puts the model files of `folder`, as names relative to `base`, into `names`, and its subfolders
// into `subfolders`. `entries` counts everything seen.
Status list_model_files(const fs::path& base, const fs::path& folder, size_t& entries,
                        std::vector<std::string>& names, std::vector<fs::path>* subfolders) {
  std::error_code error;
  fs::directory_iterator entry(base / folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (++entries > kMaxEntries) {
      return resource_exhausted("reading " + base.string() +
                                ": expected a model folder with at most " +
                                std::to_string(kMaxEntries) + " entries, found more");
    }
    const fs::path name = entry->path().filename();
    std::error_code ignored;  // a link to nowhere is neither
    if (name.string().starts_with('.')) continue;
    if (entry->is_directory(ignored)) {
      if (subfolders != nullptr) subfolders->push_back(folder / name);
    } else if (entry->is_regular_file(ignored) && kind_of(name) != Kind::kOther) {
      names.push_back((folder / name).string());
    }
  }
  if (error) return errno_status(error.value(), "reading", (base / folder).string());
  return {};
}

}  // namespace

struct Fingerprinter::State {
  XXH3_state_t xxh;
};

std::string fingerprint(std::string_view bytes) {
  return digits_of(XXH3_128bits(bytes.data(), bytes.size()));
}

Fingerprinter::Fingerprinter() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}

Fingerprinter::~Fingerprinter() = default;

void Fingerprinter::add(std::string_view field) {
  add(static_cast<uint64_t>(field.size()));
  XXH3_128bits_update(&state_->xxh, field.data(), field.size());
}

void Fingerprinter::add(uint64_t number) {
  std::array<unsigned char, 8> bytes{};  // the same on machines of either byte order
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(number >> 8 * i);
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::string Fingerprinter::digits() const { return digits_of(XXH3_128bits_digest(&state_->xxh)); }

Result<std::string> model_fingerprint(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno_status(errno, "opening", path.string());
  fs::path base = path;
  std::vector<std::string> names;
  size_t entries = 0;
  if (S_ISDIR(info.st_mode)) {
    std::vector<fs::path> subfolders;
    ACCEL_TRY(list_model_files(base, {}, entries, names, &subfolders));
    for (const fs::path& folder : subfolders) {
      ACCEL_TRY(list_model_files(base, folder, entries, names, nullptr));
    }
  } else if (S_ISREG(info.st_mode)) {
    base = path.has_parent_path() ? path.parent_path() : fs::path(".");
    ACCEL_TRY(list_model_files(base, {}, entries, names, nullptr));
    std::erase_if(names, [&path](const fs::path& name) { return name.stem() != path.stem(); });
    const std::string own = path.filename().string();
    if (std::find(names.begin(), names.end(), own) == names.end()) names.push_back(own);
  } else {
    return invalid_argument("reading " + path.string() +
                            ": expected a model folder or a model file, found neither");
  }
  if (names.empty()) {
    return not_found("reading " + path.string() +
                     ": expected a model folder (config.json, model.safetensors ...), found no "
                     "such file in it");
  }
  std::sort(names.begin(), names.end());
  Fingerprinter print;
  for (const std::string& name : names) {
    ACCEL_TRY(add_file(base / name, name, kind_of(name), print));
  }
  return print.digits();
}

}  // namespace accel::store
