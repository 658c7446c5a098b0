#include "hub/file_names.h"

#include <algorithm>

#include "base/utf8.h"

namespace accel::hub {
namespace {

constexpr size_t kFileNameBytesMax = 1024;
constexpr size_t kPartBytesMax = 255;

// Whether the class that begins at `pattern[at]` == '[' holds `c`, and the position behind it; npos
// when it has no end and is thus an ordinary character.
struct ClassMatch {
  bool matches = false;
  size_t end = std::string_view::npos;
};

ClassMatch match_class(std::string_view pattern, size_t at, char c) {
  size_t begin = at + 1;
  const bool inverted = begin < pattern.size() && pattern[begin] == '!';
  if (inverted) ++begin;
  // A bracket that comes first is one of the characters.
  const size_t end = pattern.find(']', begin + 1);
  if (begin >= pattern.size() || end == std::string_view::npos) return {};
  bool found = false;
  for (size_t i = begin; i < end; ++i) {
    if (i + 2 < end && pattern[i + 1] == '-') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  return {found != inverted, end + 1};
}

// Whether one character matches at `at`; moves `at` behind what matched it.
bool match_one(std::string_view pattern, size_t& at, char c) {
  if (at >= pattern.size()) return false;
  if (pattern[at] == '[') {
    const ClassMatch found = match_class(pattern, at, c);
    if (found.end != std::string_view::npos) {
      if (found.matches) at = found.end;
      return found.matches;
    }
  }
  if (pattern[at] != '?' && pattern[at] != c) return false;
  ++at;
  return true;
}

}  // namespace

std::string_view fault_of_file_name(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name.size() > kFileNameBytesMax) return "more than 1,024 bytes";
  if (name.front() == '/') return "an absolute path";
  if (name.find('\\') != std::string_view::npos) return "a backslash";
  if (find_invalid_utf8(name) != std::string_view::npos) return "invalid UTF-8";
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, control)) return "a control character";
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty()) return "an empty part between slashes";
    if (part == "." || part == "..") return "'.' or '..' among its parts";
    if (part.size() > kPartBytesMax) return "a part of more than 255 bytes";
    begin = end + 1;
  }
  return "";
}

bool is_hexadecimal(std::string_view text, size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool matches_pattern(std::string_view given, std::string_view name) {
  const std::string pattern = std::string(given) + (given.ends_with('/') ? "*" : "");
  size_t at = 0;
  size_t in_name = 0;
  // Where to go on with one character more for the last star.
  size_t star = std::string::npos;
  size_t star_name = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      star_name = in_name;
    } else if (match_one(pattern, at, name[in_name])) {
      ++in_name;
    } else if (star != std::string::npos) {
      at = star;
      in_name = ++star_name;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string::npos;
}

bool matches_any(std::span<const std::string> patterns, std::string_view name) {
  return std::ranges::any_of(
      patterns, [name](const std::string& pattern) { return matches_pattern(pattern, name); });
}

}  // namespace accel::hub
