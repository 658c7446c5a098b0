#include "server/keys/key.h"

#include <algorithm>
#include <array>

namespace accel::server {

std::string_view to_string(Priority priority) {
  switch (priority) {
    case Priority::kLow: return "low";
    case Priority::kNormal: return "normal";
    case Priority::kHigh: return "high";
  }
  return "normal";
}

bool Key::allows(Scope scope) const {
  return scope == Scope::kPublic || std::ranges::find(scopes, scope) != scopes.end();
}

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::kPublic: return "public";
    case Scope::kInfer: return "infer";
    case Scope::kAdmin: return "admin";
    case Scope::kMetrics: return "metrics";
  }
  return "public";
}

std::optional<Scope> scope_of(std::string_view name) {
  for (const Scope scope : {Scope::kInfer, Scope::kAdmin, Scope::kMetrics}) {
    if (scope_name(scope) == name) return scope;
  }
  return std::nullopt;
}

}  // namespace accel::server
