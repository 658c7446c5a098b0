// Random bytes as a form: the first line is its Content-Type, the rest its body. What is read lies
// within the body, in order, and says the same when it is put together again.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/multipart.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const auto boundary = accel::server::form_boundary(text.substr(0, line));
  if (!boundary.ok()) return 0;
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  const auto parts = accel::server::parse_form(body, *boundary);
  if (!parts.ok()) return 0;
  expect(parts->size() <= accel::server::kFormPartsMax);
  const char* least = body.data();
  std::string again;
  for (const accel::server::FormPart& part : *parts) {
    expect(part.content.data() >= least);
    least = part.content.data() + part.content.size();
    expect(least <= body.data() + body.size());
    const size_t quoted_size = 2 * (part.name.size() + part.filename.value_or("").size());
    if (quoted_size + part.content_type.size() > accel::server::kFormHeadBytesMax / 2) return 0;
    again += fmt::format("--{}\r\nContent-Disposition: form-data; name={}", *boundary,
                         quoted(part.name));
    if (part.filename) again += fmt::format("; filename={}", quoted(*part.filename));
    if (!part.content_type.empty()) again += "\r\nContent-Type: " + part.content_type;
    again += fmt::format("\r\n\r\n{}\r\n", part.content);
  }
  again += fmt::format("--{}--", *boundary);
  const auto same = accel::server::parse_form(again, *boundary);
  expect(same.ok() && same->size() == parts->size());
  for (size_t i = 0; i < parts->size(); ++i) {
    expect((*same)[i].name == (*parts)[i].name && (*same)[i].filename == (*parts)[i].filename &&
           (*same)[i].content_type == (*parts)[i].content_type &&
           (*same)[i].content == (*parts)[i].content);
  }
  return 0;
}
