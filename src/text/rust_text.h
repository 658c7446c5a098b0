// Private to src/text: values crossing the border to rust/textkit.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"
#include "accel_textkit.h"

namespace accel::text {

// Owns a text of the Rust side. One owner, one thread.
class RustText {
 public:
  RustText() = default;
  ~RustText() { accel_textkit_text_free(&text_); }
  RustText(const RustText&) = delete;
  RustText& operator=(const RustText&) = delete;

  accel_textkit_text* out() { return &text_; }
  std::string_view view() const { return {text_.data, text_.size}; }
  std::string to_string() const { return std::string(view()); }

 private:
  accel_textkit_text text_ = {nullptr, 0, 0};
};

inline accel_textkit_view view_of(std::string_view text) { return {text.data(), text.size()}; }

// The codes of the border are StatusCode's numbers.
inline Status status_of(int32_t code, const RustText& error) {
  if (code == ACCEL_TEXTKIT_OK) return Status();
  return Status(static_cast<StatusCode>(code), error.to_string());
}

}  // namespace accel::text
