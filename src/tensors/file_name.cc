#include "tensors/file_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "tensors/shown.h"

namespace accel::tensors {

Status check_file_name(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return invalid_argument(fmt::format("the name {} {}; expected a relative path in UTF-8 with "
                                        "'/' and without '..'",
                                        shown(name), why));
  };
  if (name.empty()) return refuse("is empty");
  if (find_invalid_utf8(name) != std::string_view::npos) return refuse("is not UTF-8");
  if (std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return refuse("has a control character");
  }
  if (name.find('\\') != std::string_view::npos) return refuse("has a backslash");
  const bool drive = name.size() > 1 && name[1] == ':';
  if (name.front() == '/' || drive) return refuse("is absolute");
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return refuse("leaves its folder");
    begin = end + 1;
  }
  return {};
}

}  // namespace accel::tensors
