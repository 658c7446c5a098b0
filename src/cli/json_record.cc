#include "cli/json_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/try.h"

namespace accel::cli {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr size_t kShownBytesMax = 64;

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_high_surrogate(char32_t c) { return c >= 0xD800 && c < 0xDC00; }
bool is_low_surrogate(char32_t c) { return c >= 0xDC00 && c < 0xE000; }

// A place in the text that moves forward over JSON's grammar (RFC 8259), checking all of it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  uint64_t replaced() const { return replaced_; }
  std::string_view since(size_t begin) const { return text_.substr(begin, at_ - begin); }

  char peek() const { return at_end() ? '\0' : text_[at_]; }

  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (!at_end() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  Status expected(std::string_view what) const {
    std::string found = "the end of the line";
    if (!at_end()) found = json_quote(text_.substr(at_, 1));
    return {StatusCode::kInvalidArgument,
            fmt::format("expected {} at byte {}, found {}", what, at_, found), at_};
  }

  // A string literal; its value goes to `out` unless that is null.
  Status string(std::string* out);
  // Any value. `depth` counts the objects and arrays around it.
  Status value(int depth);

 private:
  Status escape(std::string* out);
  std::optional<char32_t> hex4();
  bool digits();
  Status number();
  Status word(std::string_view name);
  Status array(int depth);
  Status object(int depth);

  std::string_view text_;
  size_t at_ = 0;
  uint64_t replaced_ = 0;
};

Status Scanner::string(std::string* out) {
  if (!take('"')) return expected("a string");
  while (!at_end()) {
    const size_t begin = at_;
    while (!at_end() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20) {
      ++at_;
    }
    if (out != nullptr) out->append(since(begin));
    if (take('"')) return {};
    if (!take('\\')) break;
    ACCEL_TRY(escape(out));
  }
  return expected("the end of a string");
}

// What follows a backslash.
Status Scanner::escape(std::string* out) {
  constexpr std::string_view kShort = "\"\\/bfnrt";
  constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
  const size_t which = at_end() ? std::string_view::npos : kShort.find(text_[at_]);
  if (which != std::string_view::npos) {
    ++at_;
    if (out != nullptr) *out += kMeaning[which];
    return {};
  }
  if (!take('u')) return expected("one of \"\\/bfnrtu after a backslash");
  const auto first = hex4();
  if (!first) return expected("four hexadecimal digits");
  char32_t c = *first;
  if (is_high_surrogate(c)) {
    const size_t back = at_;
    const auto low = take('\\') && take('u') ? hex4() : std::nullopt;
    if (low && is_low_surrogate(*low)) {
      c = 0x10000 + ((c - 0xD800) << 10) + (*low - 0xDC00);
    } else {
      at_ = back;  // read again on its own, so that its own error is told
    }
  }
  if (is_high_surrogate(c) || is_low_surrogate(c)) {
    c = kReplacement;
    if (out != nullptr) ++replaced_;
  }
  if (out != nullptr) append_utf8(*out, c);
  return {};
}

std::optional<char32_t> Scanner::hex4() {
  char32_t c = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_end()) return std::nullopt;
    const size_t digit = std::string_view("0123456789abcdefABCDEF").find(text_[at_]);
    if (digit == std::string_view::npos) return std::nullopt;
    c = c << 4 | static_cast<char32_t>(digit < 16 ? digit : digit - 6);
  }
  return c;
}

bool Scanner::digits() {
  const size_t begin = at_;
  while (!at_end() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
  return at_ > begin;
}

Status Scanner::number() {
  take('-');
  if (!take('0') && !digits()) return expected("a digit");
  if (take('.') && !digits()) return expected("a digit");
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return expected("a digit");
  }
  return {};
}

Status Scanner::word(std::string_view name) {
  if (text_.substr(at_, name.size()) != name) return expected("a value");
  at_ += name.size();
  return {};
}

Status Scanner::array(int depth) {
  take('[');
  skip_space();
  if (take(']')) return {};
  do {
    ACCEL_TRY(value(depth + 1));
  } while (take(','));
  return take(']') ? Status() : expected("',' or ']'");
}

Status Scanner::object(int depth) {
  take('{');
  skip_space();
  if (take('}')) return {};
  do {
    skip_space();
    ACCEL_TRY(string(nullptr));
    skip_space();
    if (!take(':')) return expected("':'");
    ACCEL_TRY(value(depth + 1));
  } while (take(','));
  return take('}') ? Status() : expected("',' or '}'");
}

Status Scanner::value(int depth) {
  skip_space();
  if (depth > kJsonDepthMax) {
    return {StatusCode::kInvalidArgument,
            fmt::format("expected at most {} levels of nesting, found more at byte {}",
                        kJsonDepthMax, at_),
            at_};
  }
  Status status;
  switch (peek()) {
    case '"': status = string(nullptr); break;
    case '{': status = object(depth); break;
    case '[': status = array(depth); break;
    case 't': status = word("true"); break;
    case 'f': status = word("false"); break;
    case 'n': status = word("null"); break;
    case '-': status = number(); break;
    default: status = peek() >= '0' && peek() <= '9' ? number() : expected("a value");
  }
  if (status.ok()) skip_space();
  return status;
}

std::string clipped(std::string_view name) {
  return json_quote(name.size() <= kShownBytesMax ? name : name.substr(0, kShownBytesMax));
}

// The members of the object, one after the other.
class RecordReader {
 public:
  RecordReader(std::string_view line, std::string_view field,
               std::span<const std::string_view> reserved)
      : scanner_(line), field_(field), reserved_(reserved) {}

  Result<JsonRecord> read();

 private:
  Status member();
  Status text();

  Scanner scanner_;
  std::string_view field_;
  std::span<const std::string_view> reserved_;
  std::string name_;
  bool found_ = false;
  JsonRecord record_;
};

Status RecordReader::text() {
  if (found_) {
    return invalid_argument(fmt::format("expected the field {} once, found it again at byte {}",
                                        clipped(field_), scanner_.at()));
  }
  if (scanner_.peek() != '"') {
    return scanner_.expected(fmt::format("a string as the value of {}", clipped(field_)));
  }
  found_ = true;
  ACCEL_TRY(scanner_.string(&record_.text));
  scanner_.skip_space();
  return {};
}

Status RecordReader::member() {
  scanner_.skip_space();
  const size_t begin = scanner_.at();
  name_.clear();
  ACCEL_TRY(scanner_.string(&name_));
  scanner_.skip_space();
  if (!scanner_.take(':')) return scanner_.expected("':'");
  scanner_.skip_space();
  if (name_ == field_) return text();
  if (std::ranges::find(reserved_, name_) != reserved_.end()) {
    return invalid_argument(
        fmt::format("the field {} would collide with the output's own field of that name; rename "
                    "it in the input, or choose --format csv or npy, which carry no fields",
                    clipped(name_)));
  }
  ACCEL_TRY(scanner_.value(1));
  std::string_view written = scanner_.since(begin);
  written = written.substr(0, written.find_last_not_of(" \t\r\n") + 1);
  if (!record_.carried.empty()) record_.carried += ',';
  record_.carried += written;
  return {};
}

Result<JsonRecord> RecordReader::read() {
  scanner_.skip_space();
  if (!scanner_.take('{')) return scanner_.expected("a JSON object");
  scanner_.skip_space();
  if (!scanner_.take('}')) {
    do {
      ACCEL_TRY(member());
    } while (scanner_.take(','));
    if (!scanner_.take('}')) return scanner_.expected("',' or '}'");
  }
  scanner_.skip_space();
  if (!scanner_.at_end()) return scanner_.expected("the end of the line after the object");
  if (!found_) {
    return invalid_argument(
        fmt::format("expected a field {} with the text, found none", clipped(field_)));
  }
  record_.replaced = scanner_.replaced();
  return std::move(record_);
}

}  // namespace

Result<JsonRecord> read_json_record(std::string_view line, std::string_view field,
                                    std::span<const std::string_view> reserved) {
  return RecordReader(line, field, reserved).read();
}

Result<JsonRecord> read_json_string(std::string_view line) {
  Scanner scanner(line);
  JsonRecord record;
  scanner.skip_space();
  ACCEL_TRY(scanner.string(&record.text));
  scanner.skip_space();
  if (!scanner.at_end()) return scanner.expected("the end of the line after the string");
  record.replaced = scanner.replaced();
  return record;
}

}  // namespace accel::cli
