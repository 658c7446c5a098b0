// A key of a server: what whoever shows it may do. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/endpoint.h"

namespace accel::server {

// Whose requests go first, and who may still come in when places get few.
enum class Priority : uint8_t { kLow, kNormal, kHigh };

// "low", "normal", "high"
std::string_view to_string(Priority priority);

// What all keys of one name have together. 0: no bound.
struct KeyLimits {
  double requests_per_second = 0;
  double burst = 0;         // requests at once, after a pause; with requests_per_second at least 1
  uint64_t concurrent = 0;  // requests under way
  double tokens_per_minute = 0;

  bool operator==(const KeyLimits&) const = default;
};

struct Key {
  std::string name;  // of its holder; several keys may have it
  std::string hash;  // key_hash() of its text
  std::vector<Scope> scopes{Scope::kInfer};
  std::vector<std::string> models;         // as Visitor::models; empty: all
  std::optional<int64_t> expires_seconds;  // since 1970; none: never
  KeyLimits limits;
  Priority priority = Priority::kNormal;
  bool bulk = false;  // SubmitOptions::bulk of all its requests
  int line = 0;       // of the file, where it stands in one

  bool operator==(const Key&) const = default;
  bool allows(Scope scope) const;
  bool expired(int64_t now_seconds) const {
    return expires_seconds && *expires_seconds <= now_seconds;
  }
  // The first digits of the hash, by which people tell keys of one name apart.
  std::string_view id() const { return std::string_view(hash).substr(0, 8); }
};

// "infer", "admin", "metrics"; kPublic, which needs no key, is "public".
std::string_view scope_name(Scope scope);
// Nothing for what is no scope of a key.
std::optional<Scope> scope_of(std::string_view name);

}  // namespace accel::server
