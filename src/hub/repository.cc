#include "hub/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/try.h"
#include "hub/file_names.h"
#include "hub/model_name.h"

namespace accel::hub {
namespace {

constexpr size_t kFilesMax = 100'000;
constexpr uint64_t kFileSizeMax = 1ull << 50;  // a pebibyte

Result<std::string> text_field(const Json& object, const char* field, std::string_view where) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_string()) {
    return invalid_argument(fmt::format("{}: expected the text \"{}\"", where, field));
  }
  return found->get<std::string>();
}

Result<uint64_t> size_field(const Json& object, std::string_view where) {
  const auto found = object.find("size");
  if (found == object.end() || !found->is_number_unsigned() ||
      found->get<uint64_t>() > kFileSizeMax) {
    return invalid_argument(fmt::format("{}: expected \"size\", a number of bytes", where));
  }
  return found->get<uint64_t>();
}

Result<RepositoryFile> parse_file(const Json& json, size_t index) {
  const std::string where = fmt::format("siblings[{}]", index);
  if (!json.is_object()) return invalid_argument(where + ": expected an object");
  RepositoryFile file;
  ACCEL_ASSIGN(file.name, text_field(json, "rfilename", where));
  const std::string_view fault = fault_of_file_name(file.name);
  if (!fault.empty()) {
    return invalid_argument(fmt::format(
        "{}: expected a name below the model's folder, found {} in {}; nothing was downloaded",
        where, fault, json_quote(file.name.substr(0, 100))));
  }
  const auto lfs = json.find("lfs");
  const bool is_lfs = lfs != json.end() && lfs->is_object();
  const Json& source = is_lfs ? *lfs : json;
  ACCEL_ASSIGN(file.hash, text_field(source, is_lfs ? "sha256" : "blobId", file.name));
  ACCEL_ASSIGN(file.size, size_field(source, file.name));
  if (!is_hexadecimal(file.hash, is_lfs ? 64 : 40)) {
    return invalid_argument(fmt::format("{}: expected {} hexadecimal digits, found {}", file.name,
                                        is_lfs ? 64 : 40, json_quote(file.hash.substr(0, 100))));
  }
  return file;
}

// `files` are sorted by name.
Status check_names_differ(const std::vector<RepositoryFile>& files) {
  std::set<std::string_view> names;
  for (const RepositoryFile& file : files) {
    if (!names.insert(file.name).second) {
      return invalid_argument(fmt::format("{}: listed twice", file.name));
    }
  }
  for (const RepositoryFile& file : files) {
    const std::string_view name = file.name;
    for (size_t at = name.find('/'); at != std::string_view::npos; at = name.find('/', at + 1)) {
      if (names.contains(name.substr(0, at))) {
        return invalid_argument(
            fmt::format("{}: listed as a file and as a folder of {}", name.substr(0, at), name));
      }
    }
  }
  return {};
}

}  // namespace

Result<Listing> parse_listing(std::string_view text) {
  ACCEL_ASSIGN(const Json json, parse_json(text));
  if (!json.is_object()) return invalid_argument("expected an object");
  Listing listing;
  ACCEL_ASSIGN(listing.commit, text_field(json, "sha", "the listing"));
  if (!is_commit(listing.commit)) {
    return invalid_argument("sha: expected a commit of 40 hexadecimal digits, found " +
                            json_quote(listing.commit.substr(0, 100)));
  }
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array()) {
    return invalid_argument("expected the array \"siblings\"");
  }
  if (siblings->size() > kFilesMax) {
    return invalid_argument(
        fmt::format("expected at most {} files, found {}", kFilesMax, siblings->size()));
  }
  for (size_t i = 0; i < siblings->size(); ++i) {
    ACCEL_ASSIGN(RepositoryFile file, parse_file((*siblings)[i], i));
    listing.files.push_back(std::move(file));
  }
  std::ranges::sort(listing.files, {}, &RepositoryFile::name);
  ACCEL_TRY(check_names_differ(listing.files));
  return listing;
}

}  // namespace accel::hub
