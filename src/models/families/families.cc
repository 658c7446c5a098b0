#include "models/families/families.h"

#include <fmt/format.h>

#include <array>

namespace accel::models {
namespace {

#define ACCEL_FAMILY_ADDRESS(name) &name,
constexpr std::array kFamilies{ACCEL_FAMILIES(ACCEL_FAMILY_ADDRESS)};
#undef ACCEL_FAMILY_ADDRESS

}  // namespace

std::span<const Family* const> families() { return kFamilies; }

Result<const Family*> find_family(std::string_view model_type) {
  std::string known;
  for (const Family* family : kFamilies) {
    if (family->model_type == model_type) return family;
    if (!known.empty()) known += ", ";
    known += family->model_type;
  }
  return unimplemented(fmt::format(
      "model_type '{}' is not a family this build knows; known families: {}", model_type, known));
}

}  // namespace accel::models
