#include "models/families/families.h"

#include <fmt/format.h>

#include <array>

namespace accel::models {
namespace {

// Sorted by model_type. One line per file beside this one.
constexpr std::array<const Family*, 5> kFamilies{
    &kBert,
    &kCamembert,
    &kElectra,
    &kRoberta,
    &kXlmRoberta,
};

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
