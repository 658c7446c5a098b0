// Whatever a server answers, its listing is refused, or every file of it lies below its folder
// under a name of its own, and what is chosen is among the listed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "hub/file_names.h"
#include "hub/model_name.h"
#include "hub/repository.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check_name(const std::string& name) {
  const std::filesystem::path path(name);
  expect(!path.empty() && path.is_relative() && path.lexically_normal() == path);
  expect(name.find('\0') == std::string::npos && name.find('\\') == std::string::npos);
  for (const auto& part : path) expect(part != ".." && part != "." && !part.empty());
  expect(accel::hub::matches_pattern("*", name));
  expect(accel::hub::url_quoted(name, true).find(' ') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto listing = accel::hub::parse_listing(text);
  if (!listing.ok()) return 0;
  expect(accel::hub::is_commit(listing->commit));
  std::set<std::string> names;
  for (const auto& file : listing->files) {
    check_name(file.name);
    expect(names.insert(file.name).second);
    expect(file.hash.size() == 40 || file.hash.size() == 64);
  }
  for (const bool all : {false, true}) {
    const auto choice = accel::hub::choose_files(*listing, {.all = all});
    if (!choice.ok()) continue;
    expect(choice->files.size() + choice->skipped == listing->files.size());
    for (const auto& file : choice->files) expect(names.contains(file.name));
  }
  return 0;
}
