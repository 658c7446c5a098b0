#include "text/case.h"

#include "base/try.h"
#include "text/rust_text.h"

namespace accel::text {

Result<std::string> to_lower(std::string_view text) {
  RustText lower;
  RustText error;
  ACCEL_TRY(status_of(accel_textkit_lowercase(view_of(text), lower.out(), error.out()), error));
  return lower.to_string();
}

}  // namespace accel::text
