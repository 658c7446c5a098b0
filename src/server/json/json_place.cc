#include "server/json/json_place.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace accel::server {
namespace {

constexpr size_t kNameBytesMax = 64;

bool is_word(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace

std::string path_of(const JsonPlace& place) {
  if (place.parent == nullptr) return {};
  const std::string path = path_of(*place.parent);
  if (place.index >= 0) return fmt::format("{}[{}]", path, place.index);
  if (is_word(place.name)) return fmt::format("{}{}{}", path, path.empty() ? "" : ".", place.name);
  const Json clipped = std::string(place.name.substr(0, kNameBytesMax));
  return fmt::format("{}[{}{}]", path, clipped.dump(-1, ' ', true, Json::error_handler_t::replace),
                     place.name.size() > kNameBytesMax ? "..." : "");
}

size_t find_broken_string(std::string_view text) {
  size_t opened = std::string_view::npos;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool inside = opened != std::string_view::npos;
    if (text[at] == '"') {
      opened = inside ? std::string_view::npos : at;
    } else if (inside && static_cast<unsigned char>(text[at]) < 0x20) {
      return at;
    } else if (text[at] == '\\') {
      ++at;
    }
  }
  return std::min(opened, text.size());
}

}  // namespace accel::server
