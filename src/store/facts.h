// Remembered facts: small answers that cost something to find out (which precision is fastest here,
// does this engine crash on this CPU), kept between processes.
//
//   auto facts = Facts::create({.folder = cache_dir / "facts"});
//   FactKey key{.kind = "tuning", .cpu = cpu.identity(), .engine = "openvino 2026.4.0",
//               .model = fingerprint};
//   if (auto known = facts->get(key)) use(*known);
//   else facts->put(key, measure());
//
// One fact is one file "<folder>/<fingerprint of the key>.json" that also holds the key readably. A
// fact is replaced as a whole: readers in this and other processes see the old one or the new one,
// never a mixture, and whatever is not a whole fact of this key (truncated, edited, a foreign file)
// is a miss. Forgetting is always allowed: any file may be deleted at any time.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "accel/status.h"
#include "base/json.h"

namespace accel::store {

// What a fact depends on. A field that does not matter stays empty. UTF-8.
struct FactKey {
  std::string kind;    // "tuning", "crash-probe": names the form of the value
  std::string cpu;     // hardware::CpuInfo::identity()
  std::string engine;  // name and exact build
  std::string model;   // model_fingerprint()
  std::string detail;  // anything else: device, options

  bool operator==(const FactKey&) const = default;
  // The file's name, "0123456789abcdef0123456789abcdef.json".
  std::string file_name() const;
};

struct FactsOptions {
  std::filesystem::path folder;  // made when missing, for this user alone
  size_t max_facts = 4096;       // past it the oldest written are deleted
};

// Safe from any thread, and beside other processes on the same folder.
class Facts {
 public:
  static constexpr size_t kMaxValueBytes = 256 << 10;

  // Never fails: with a folder that cannot be made or written everything is a miss, and warning()
  // says why.
  static std::unique_ptr<Facts> create(FactsOptions options);
  ~Facts();
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;

  // OK, or why nothing will be remembered, for a notice to the user.
  const Status& warning() const { return warning_; }
  const std::filesystem::path& folder() const { return options_.folder; }

  // The value last put under an equal key, or nothing.
  std::optional<Json> get(const FactKey& key) const;

  // Remembers `value`. INVALID_ARGUMENT for one that JSON text cannot carry unchanged (NaN, invalid
  // UTF-8, deeper than 60 levels) or larger than kMaxValueBytes; the system's reason when writing
  // fails (also in warning() when the folder is unusable). A failure leaves the old fact.
  Status put(const FactKey& key, const Json& value);

 private:
  explicit Facts(FactsOptions options);
  void sweep(const std::string& just_written);

  const FactsOptions options_;
  Status warning_;
  std::string staging_prefix_;  // differs between processes, also those of other containers
  std::atomic<uint64_t> staged_ = 0;
  std::mutex sweep_mutex_;  // one sweep at a time in this process
};

// Where what can be found out again is kept: $ACCEL_CACHE_DIR, else $XDG_CACHE_HOME/accel (absolute
// paths only, as its specification says), else $HOME/.cache/accel, else a folder of this user's own
// below $TMPDIR or /tmp. Empty variables count as unset. The folder may not exist yet; only the
// temporary one is made, because its parent is everybody's: PERMISSION_DENIED when someone else
// made it first.
Result<std::filesystem::path> default_cache_dir();

// The same from a given environment: `variable(name)` returns a value or null.
Result<std::filesystem::path> cache_dir_from(
    const std::function<const char*(const char* name)>& variable);

}  // namespace accel::store
