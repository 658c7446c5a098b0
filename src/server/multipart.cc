#include "server/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/try.h"

namespace accel::server {
namespace {

constexpr size_t kBoundaryBytesMax = 70;
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kBlanks = " \t";

char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_word(std::string_view text, std::string_view lower_word) {
  return std::ranges::equal(text, lower_word, {}, lower_letter);
}

std::string_view without_blanks(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  const size_t last = text.find_last_not_of(kBlanks);
  return begin == text.size() ? std::string_view() : text.substr(begin, last + 1 - begin);
}

std::string_view without_blanks_before(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

bool is_boundary_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

bool is_control_char(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

// A header's value: `word; name=value; name="value"`.
struct HeaderValue {
  std::string_view word;
  std::vector<std::pair<std::string_view, std::string>> parameters;

  // INVALID_ARGUMENT when it is there twice.
  Result<std::optional<std::string>> parameter(std::string_view lower_name) const {
    std::optional<std::string> found;
    for (const auto& [name, value] : parameters) {
      if (!equals_word(name, lower_name)) continue;
      if (found) return invalid_argument(fmt::format("expected one {}, found two", lower_name));
      found = value;
    }
    return found;
  }
};

// Takes the value before the next ";" from the front of `rest`.
Result<std::string> take_parameter_value(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const size_t end = std::min(rest.find(';'), rest.size());
    std::string value(without_blanks(rest.substr(0, end)));
    rest.remove_prefix(end);
    return value;
  }
  std::string value;
  size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    const bool escapes =
        rest[at] == '\\' && at + 1 < rest.size() && (rest[at + 1] == '"' || rest[at + 1] == '\\');
    if (escapes) ++at;
    value += rest[at];
  }
  if (at == rest.size()) return invalid_argument("expected a quote at the end, found none");
  rest = without_blanks_before(rest.substr(at + 1));
  if (!rest.empty() && !rest.starts_with(';')) {
    return invalid_argument("expected \";\" behind a quoted value, found something else");
  }
  return value;
}

Result<HeaderValue> parse_header_value(std::string_view text) {
  const size_t end = std::min(text.find(';'), text.size());
  HeaderValue header{.word = without_blanks(text.substr(0, end)), .parameters = {}};
  std::string_view rest = text.substr(end);
  while (!rest.empty()) {
    rest = without_blanks_before(rest.substr(1));  // behind the ";"
    if (rest.empty() || rest.starts_with(';')) continue;
    const size_t equals = std::min(rest.find_first_of("=;"), rest.size());
    if (equals == rest.size() || rest[equals] == ';') {
      return invalid_argument("expected name=value behind \";\", found no \"=\"");
    }
    const std::string_view name = without_blanks(rest.substr(0, equals));
    rest = without_blanks_before(rest.substr(equals + 1));
    Result<std::string> value = take_parameter_value(rest);
    if (!value.ok()) return value.status().with_context(name);
    header.parameters.emplace_back(name, std::move(*value));
  }
  return header;
}

// A line that ends a part.
struct Delimiter {
  size_t begin = 0;  // of the line end before it, which belongs to it
  size_t end = 0;    // behind it
  bool last = false;
};

// Where the line of the boundary ends, when the boundary itself does at `at`; nothing when the line
// goes on with something else.
std::optional<Delimiter> delimiter_ending_at(std::string_view body, size_t at) {
  std::string_view rest = body.substr(at);
  Delimiter found;
  found.last = rest.starts_with("--");
  if (found.last) rest.remove_prefix(2);
  rest = without_blanks_before(rest);
  if (rest.starts_with(kLineEnd)) {
    rest.remove_prefix(kLineEnd.size());
  } else if (!found.last || !rest.empty()) {
    return std::nullopt;
  }
  found.end = body.size() - rest.size();
  return found;
}

// `mark` is a line end, "--" and the boundary.
std::optional<Delimiter> find_delimiter(std::string_view body, std::string_view mark, size_t from) {
  for (size_t at = body.find(mark, from); at != std::string_view::npos;
       at = body.find(mark, at + 1)) {
    std::optional<Delimiter> found = delimiter_ending_at(body, at + mark.size());
    if (!found) continue;
    found->begin = at;
    return found;
  }
  return std::nullopt;
}

// The first needs no line end where the body begins with it.
std::optional<Delimiter> find_first_delimiter(std::string_view body, std::string_view mark) {
  const std::string_view bare = mark.substr(kLineEnd.size());
  if (body.starts_with(bare)) {
    if (auto found = delimiter_ending_at(body, bare.size())) return found;
  }
  return find_delimiter(body, mark, 0);
}

Status read_disposition(std::string_view text, FormPart& part) {
  ACCEL_ASSIGN(const HeaderValue header, parse_header_value(text));
  if (!equals_word(header.word, "form-data")) {
    return invalid_argument(fmt::format("expected form-data, found '{}'", header.word));
  }
  ACCEL_ASSIGN(const std::optional<std::string> name, header.parameter("name"));
  ACCEL_ASSIGN(part.filename, header.parameter("filename"));
  if (!name) return invalid_argument("expected a name, found none");
  part.name = *name;
  return {};
}

// The part's bytes are taken as they are.
Status check_encoding(std::string_view encoding) {
  for (const std::string_view plain : {"7bit", "8bit", "binary"}) {
    if (equals_word(encoding, plain)) return {};
  }
  return invalid_argument(fmt::format("expected 7bit, 8bit or binary, found '{}'", encoding));
}

Status read_head_line(std::string_view line, FormPart& part, bool& has_disposition) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      kBlanks.find(line.front()) != std::string_view::npos) {
    return invalid_argument("expected a header, \"name: value\" on one line, found another line");
  }
  if (std::ranges::any_of(line, is_control_char)) {
    return invalid_argument("expected no control characters in a header, found one");
  }
  const std::string_view name = without_blanks(line.substr(0, colon));
  const std::string_view value = without_blanks(line.substr(colon + 1));
  if (equals_word(name, "content-type")) part.content_type = value;
  if (equals_word(name, "content-transfer-encoding")) {
    return check_encoding(value).with_context("Content-Transfer-Encoding");
  }
  if (!equals_word(name, "content-disposition")) return {};
  if (has_disposition) return invalid_argument("expected one Content-Disposition, found two");
  has_disposition = true;
  return read_disposition(value, part).with_context("Content-Disposition");
}

// `text` is all of the part: its header lines, an empty one, its content.
Result<FormPart> read_part(std::string_view text) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const size_t found = text.substr(0, kFormHeadBytesMax + kHeadEnd.size()).find(kHeadEnd);
  const size_t head_size = std::min(found, text.size());  // nothing may stand behind the headers
  if (head_size > kFormHeadBytesMax) {
    return invalid_argument(
        fmt::format("expected at most {} bytes of headers, found more", kFormHeadBytesMax));
  }
  FormPart part;
  bool has_disposition = false;
  std::string_view head = text.substr(0, head_size);
  while (!head.empty()) {
    const size_t end = std::min(head.find(kLineEnd), head.size());
    ACCEL_TRY(read_head_line(head.substr(0, end), part, has_disposition));
    head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
  }
  if (!has_disposition) return invalid_argument("expected a Content-Disposition, found none");
  part.content = text.substr(std::min(head_size + kHeadEnd.size(), text.size()));
  return part;
}

}  // namespace

Result<std::string> form_boundary(std::string_view content_type) {
  Result<HeaderValue> header = parse_header_value(content_type);
  if (!header.ok()) return header.status().with_context("Content-Type");
  if (!equals_word(header->word, "multipart/form-data")) {
    return invalid_argument(fmt::format("Content-Type: expected multipart/form-data, found '{}'",
                                        content_type.substr(0, kBoundaryBytesMax)));
  }
  Result<std::optional<std::string>> boundary = header->parameter("boundary");
  if (!boundary.ok()) return boundary.status().with_context("Content-Type");
  const std::string value = boundary->value_or("");
  if (value.empty() || value.size() > kBoundaryBytesMax || value.back() == ' ' ||
      !std::ranges::all_of(value, is_boundary_char)) {
    return invalid_argument(fmt::format(
        "Content-Type: expected a boundary of 1 to {} letters, digits and \"'()+_,-./:=?\", "
        "found {}",
        kBoundaryBytesMax, value.empty() ? "none" : "another"));
  }
  return value;
}

Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary) {
  const std::string mark = fmt::format("\r\n--{}", boundary);
  std::vector<FormPart> parts;
  std::optional<Delimiter> before = find_first_delimiter(body, mark);
  while (before && !before->last) {
    if (parts.size() >= kFormPartsMax) {
      return invalid_argument(
          fmt::format("form: expected at most {} parts, found more", kFormPartsMax));
    }
    const std::optional<Delimiter> behind = find_delimiter(body, mark, before->end);
    if (!behind) break;
    Result<FormPart> part = read_part(body.substr(before->end, behind->begin - before->end));
    if (!part.ok()) {
      return part.status().with_context(fmt::format("form: part {}", parts.size() + 1));
    }
    parts.push_back(std::move(*part));
    before = behind;
  }
  if (!before || !before->last) {
    return invalid_argument(fmt::format(
        "form: expected the boundary \"--{}{}\", found the end of the body after {} parts",
        boundary, before ? "--" : "", parts.size()));
  }
  return parts;
}

}  // namespace accel::server
