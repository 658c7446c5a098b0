#include "backend/guard.h"

namespace accel::backend {

std::string engine_message(std::string_view what) {
  std::string_view text = what;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const size_t line = text.rfind('\n');
  return std::string(line == std::string_view::npos ? text : text.substr(line + 1));
}

}  // namespace accel::backend
