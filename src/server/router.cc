#include "server/router.h"

#include <algorithm>
#include <optional>

namespace accel::server {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  if (!segments.empty() && segments.back().empty()) segments.pop_back();
  return segments;
}

bool is_name(std::string_view segment) { return segment.starts_with('{'); }

// What stands for the names of `pattern`, when `path` fits it.
std::optional<std::vector<std::string>> match(const std::vector<std::string_view>& pattern,
                                              const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::vector<std::string> captured;
  for (size_t i = 0; i < path.size(); ++i) {
    if (is_name(pattern[i])) {
      if (path[i].empty()) return std::nullopt;
      captured.emplace_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return captured;
}

// Fewer names, and these later, are a closer fit.
bool is_closer(std::string_view a, std::string_view b) {
  const auto one = segments_of(a);
  const auto other = segments_of(b);
  return std::ranges::lexicographical_compare(one, other, {}, is_name, is_name);
}

}  // namespace

Route route(std::span<const Endpoint> endpoints, std::string_view method, std::string_view path) {
  const auto segments = segments_of(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Route found;
  std::string_view closest;  // pattern, of any method
  for (const Endpoint& endpoint : endpoints) {
    auto captured = match(segments_of(endpoint.path), segments);
    if (!captured) continue;
    if (closest.empty() || is_closer(endpoint.path, closest)) {
      closest = endpoint.path;
      found = {};
    } else if (endpoint.path != closest) {
      continue;
    }
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += endpoint.method;
    if (endpoint.method == "GET") found.allowed += ", HEAD";
    if (endpoint.method != wanted) continue;
    found.endpoint = &endpoint;
    found.captured = std::move(*captured);
  }
  return found;
}

}  // namespace accel::server
