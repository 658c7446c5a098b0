// What a cached thing was made from: named parts, in order. Two keys with equal parts are the same
// key on every machine; any difference is another one.
//
//   CacheKey key{.kind = "compiled"};
//   key.add("model", content_of_the_files).add("precision", "bf16").add("engine", build);
//   key.digest();  // names the entry
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"

namespace accel::store {

struct CacheKey {
  static constexpr size_t kPartsMax = 64;
  static constexpr size_t kBytesMax = 64 << 10;  // of all texts together

  std::string kind;  // what the payload is: "graph", "compiled"
  std::vector<std::pair<std::string, std::string>> parts;

  CacheKey& add(std::string_view name, std::string_view value);
  // The value of the first part of that name; empty when there is none.
  std::string_view part(std::string_view name) const;

  // 128 bits as 32 lower-case hexadecimal digits (hash.h says what these are good for).
  std::string digest() const;

  // INVALID_ARGUMENT for more than the bounds above, an empty kind, or what is not UTF-8.
  Status check() const;

  bool operator==(const CacheKey&) const = default;
};

// Whether `text` has the form of a digest.
bool is_digest(std::string_view text);

// The names of the parts that only one of the two has or that have other values, in the order of
// `a`, then `b`: why the one is not the other.
std::vector<std::string> differing_parts(const CacheKey& a, const CacheKey& b);

}  // namespace accel::store
