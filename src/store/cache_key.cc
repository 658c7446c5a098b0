#include "store/cache_key.h"

#include <algorithm>

#include "base/utf8.h"
#include "store/hash.h"

namespace accel::store {

CacheKey& CacheKey::add(std::string_view name, std::string_view value) {
  parts.emplace_back(name, value);
  return *this;
}

std::string_view CacheKey::part(std::string_view name) const {
  const auto found = std::ranges::find(
      parts, name, [](const auto& part) -> const std::string& { return part.first; });
  return found == parts.end() ? std::string_view() : std::string_view(found->second);
}

std::string CacheKey::digest() const {
  Fingerprinter print;
  print.add(kind);
  print.add(static_cast<uint64_t>(parts.size()));
  for (const auto& [name, value] : parts) {
    print.add(name);
    print.add(value);
  }
  return print.digits();
}

Status CacheKey::check() const {
  bool text = find_invalid_utf8(kind) == std::string_view::npos;
  size_t bytes = kind.size();
  for (const auto& [name, value] : parts) {
    text = text && find_invalid_utf8(name) == std::string_view::npos &&
           find_invalid_utf8(value) == std::string_view::npos;
    bytes += name.size() + value.size();
  }
  if (text && !kind.empty() && parts.size() <= kPartsMax && bytes <= kBytesMax) return {};
  return invalid_argument("cache key of kind '" + repair_utf8(kind.substr(0, 64)).text +
                          "': expected a kind and at most " + std::to_string(kPartsMax) +
                          " parts in UTF-8, together at most " + std::to_string(kBytesMax) +
                          " bytes");
}

bool is_digest(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string> differing_parts(const CacheKey& a, const CacheKey& b) {
  std::vector<std::string> names;
  const auto compare = [&names](const CacheKey& from, const CacheKey& to) {
    for (const auto& [name, value] : from.parts) {
      if (std::ranges::find(to.parts, std::pair(name, value)) != to.parts.end()) continue;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  };
  compare(a, b);
  compare(b, a);
  return names;
}

}  // namespace accel::store
