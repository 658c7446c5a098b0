// Changes of a file of keys as text: the rest of the file stays as it was written. Pure.
//
// FAILED_PRECONDITION for files that are laid out in another way than one line for each member (as
// JSON, say), which only a person can change; the error of parse_key_table() for broken ones.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/keys/key.h"

namespace accel::server {

// With one key more, as the last. An empty text is a file without keys.
Result<std::string> with_key(std::string_view text, std::string_view file, const Key& key);

struct RevokedKeys {
  std::string text;  // of the file, without them
  size_t count = 0;
};

// Without the keys of `name`, or of those only the one whose hash begins with `id`. NOT_FOUND with
// the nearest name; INVALID_ARGUMENT for an id that fits several.
Result<RevokedKeys> without_keys(std::string_view text, std::string_view file,
                                 std::string_view name, std::string_view id = {});

}  // namespace accel::server
