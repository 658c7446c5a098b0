// "org/name@revision": how a model of a hub is called. Pure.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::hub {

struct ModelName {
  std::string repository;  // "org/name", or "name" alone, as the oldest models are called
  std::string revision;    // a branch, a tag or a commit; empty: "main"

  // "org/name", or "org/name@revision" where one was given.
  std::string text() const;
  // The revision, "main" when none was given.
  std::string revision_or_main() const { return revision.empty() ? "main" : revision; }
  // "models--org--name": its folder in a cache.
  std::string folder() const;
};

// INVALID_ARGUMENT says which rule of the hub `text` breaks: at most 96 of letters, digits and
// "-", "_", "."; no "--" and no ".."; neither end is "-" or "."; at most one "/". A revision has no
// empty part, no "..", no spaces and no control characters, for it becomes a file name.
Result<ModelName> parse_model_name(std::string_view text);

// Of "models--org--name"; the inverse of folder(). Empty when it is no such folder.
std::string repository_of_folder(std::string_view folder);

// True for 40 lower-case hexadecimal digits: a commit, which never moves.
bool is_commit(std::string_view revision);

// `text` for one part of a URL's path: everything but letters, digits, "-", "_", "." and "~" as
// %XX (RFC 3986), and "/" too unless `keep_slashes`.
std::string url_quoted(std::string_view text, bool keep_slashes);

}  // namespace accel::hub
