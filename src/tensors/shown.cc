#include "tensors/shown.h"

#include "base/json.h"

namespace accel::tensors {

std::string shown(std::string_view name) {
  constexpr size_t kMaxBytes = 80;
  if (name.size() <= kMaxBytes) return json_quote(name);
  return json_quote(name.substr(0, kMaxBytes)) + "...";
}

}  // namespace accel::tensors
