#include "text/template.h"

#include "base/try.h"
#include "text/rust_text.h"

namespace accel::text {

Result<std::shared_ptr<const Template>> Template::compile(std::string_view source) {
  accel_textkit_template* handle = nullptr;
  RustText error;
  const int32_t code = accel_textkit_template_compile(view_of(source), &handle, error.out());
  ACCEL_TRY(status_of(code, error));
  return std::shared_ptr<const Template>(new Template(handle));
}

Template::~Template() { accel_textkit_template_free(handle_); }

Result<std::string> Template::render(std::string_view context_json,
                                     std::chrono::system_clock::time_point now) const {
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  RustText text;
  RustText error;
  const int32_t code = accel_textkit_template_render(handle_, view_of(context_json), seconds,
                                                     text.out(), error.out());
  ACCEL_TRY(status_of(code, error));
  return text.to_string();
}

}  // namespace accel::text
