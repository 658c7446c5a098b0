// All keys of a server, as a file of YAML (or JSON) has them:
//
//   keys:
//     - name: team-a
//       hash: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//       scopes: [infer, metrics]       # of infer, admin, metrics; none: infer
//       models: [minilm, "bge:2"]      # none: all
//       expires: 2027-01-31T00:00:00Z  # or 2027-01-31; none: never
//       requests_per_second: 20        # none: as many as come in
//       burst: 40                      # at once after a pause; none: those of a second
//       concurrent: 8                  # under way; none: no bound
//       tokens_per_minute: 100000      # none: no bound; charged when a request has ended
//       priority: high                 # or normal, low; none: normal
//       bulk: true                     # runs in the time that others leave; none: false
//
// Keys of one name belong to one holder, who changes from one to the next: they have rates,
// concurrency and tokens together. A file without keys lets nobody in.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "server/keys/key.h"

namespace accel::server {

constexpr size_t kKeysMax = 1000;

// Immutable.
class KeyTable {
 public:
  KeyTable() = default;
  explicit KeyTable(std::vector<Key> keys) : keys_(std::move(keys)) {}

  std::span<const Key> keys() const { return keys_; }
  // The key of this hash, or null. How long it takes depends on the number of keys alone: all are
  // compared, whichever it is.
  const Key* find(std::string_view hash) const;

 private:
  std::vector<Key> keys_;
};

// INVALID_ARGUMENT as "FILE:LINE: MEMBER: what is wrong", also for members that no key has and for
// two keys of one hash. Values of `hash` are not shown. Safe on hostile text.
Result<KeyTable> parse_key_table(std::string_view text, std::string_view file);

// Up to 64 letters, digits, "-", "_" and ".", the first a letter or a digit, and not "anonymous".
bool is_key_name(std::string_view name);

}  // namespace accel::server
