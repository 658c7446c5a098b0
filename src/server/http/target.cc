#include "server/http/target.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"

namespace accel::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Status wrong_at(size_t offset, std::string_view what) {
  return Status(StatusCode::kInvalidArgument, fmt::format("{} at byte {}", what, offset), offset);
}

// `text` without its escapes; `offset` is where it stands, for errors. Plus signs mean spaces in
// queries only.
Result<std::string> unescaped(std::string_view text, size_t offset, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return wrong_at(offset + i, "expected two hexadecimal digits behind \"%\", found others");
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool is_dot_segment(std::string_view segment) { return segment == "." || segment == ".."; }

// A decoded path may hold "/" from "%2F": the rule for segments holds for it, too.
bool has_dot_segment(std::string_view path) {
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (is_dot_segment(path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

// Where the path begins in "http://host/path"; the end where no host or no path stands there.
size_t path_offset(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    const bool starts = text.size() >= scheme.size() &&
                        std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, lower);
    if (!starts) continue;
    const size_t slash = std::min(text.find('/', scheme.size()), text.size());
    return slash == scheme.size() ? text.size() : slash;
  }
  return 0;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  const auto control = std::ranges::find_if(text, is_control);
  if (control != text.end()) {
    return wrong_at(static_cast<size_t>(control - text.begin()),
                    "expected no control character in the request's target, found one");
  }
  if (const size_t fragment = text.find('#'); fragment != std::string_view::npos) {
    return wrong_at(fragment, "expected a request's target without \"#\", found one");
  }
  const size_t begin = path_offset(text);
  if (begin >= text.size() || text[begin] != '/') {
    return wrong_at(begin, "expected a request's target that begins with \"/\", found another");
  }
  const size_t end = std::min(text.find('?', begin), text.size());
  Target target;
  ACCEL_ASSIGN(target.path, unescaped(text.substr(begin, end - begin), begin, false));
  if (std::ranges::any_of(target.path, is_control)) {
    return wrong_at(begin, "expected no escaped control character in the path, found one");
  }
  if (has_dot_segment(target.path)) {
    return wrong_at(begin, "expected no \".\" and \"..\" as segments of the path, found one");
  }
  if (end < text.size()) target.query = text.substr(end + 1);
  return target;
}

bool is_host(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~%!$&'()*+;=:[]").find(c) != std::string_view::npos;
  });
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  size_t begin = 0;
  while (begin < query.size()) {
    const size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view part = query.substr(begin, end - begin);
    const size_t equals = std::min(part.find('='), part.size());
    if (!part.empty()) {
      ACCEL_ASSIGN(std::string name, unescaped(part.substr(0, equals), begin, true));
      const size_t value_at = std::min(equals + 1, part.size());
      ACCEL_ASSIGN(std::string value, unescaped(part.substr(value_at), begin + value_at, true));
      pairs.emplace_back(std::move(name), std::move(value));
    }
    begin = end + 1;
  }
  return pairs;
}

}  // namespace accel::http
