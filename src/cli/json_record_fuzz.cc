// A line of JSONL: never a crash, the same verdict as another parser, and what is carried through
// is JSON again.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/json_record.h"

namespace {

using accel::Json;

constexpr std::array<std::string_view, 2> kReserved{"index", "tokens"};

void check(bool holds) {
  if (!holds) std::abort();
}

// Whether the other parser may refuse a number for its size: many digits, or a large exponent.
bool has_huge_number(const std::string& line) {
  size_t digits = 0;
  bool exponent = false;
  for (const char c : line) {
    const bool digit = c >= '0' && c <= '9';
    digits = digit ? digits + 1 : 0;
    if (digits > (exponent ? 2 : 200)) return true;
    if (c == 'e' || c == 'E') exponent = true;
    else if (!digit && c != '+' && c != '-') exponent = false;
  }
  return false;
}

// Whether this line means the same to both parsers: no escape of half a surrogate pair (accel
// replaces these), no zero byte (the other one takes it for the end), no member that is reserved.
bool comparable(const std::string& line, const Json& parsed) {
  return parsed.is_object() && line.find("\\u") == std::string::npos &&
         line.find('\0') == std::string::npos && !parsed.contains("index") &&
         !parsed.contains("tokens");
}

// Whether accel must take a comparable line: the text is there, once, and nothing is deep.
bool acceptable(const std::string& line, const Json& parsed) {
  const size_t named = line.find("\"text\"");
  return named != std::string::npos && line.find("\"text\"", named + 1) == std::string::npos &&
         parsed.contains("text") && parsed["text"].is_string() &&
         std::ranges::count_if(line, [](char c) { return c == '[' || c == '{'; }) <
             accel::cli::kJsonDepthMax;
}

void check_record(const std::string& line) {
  const auto record = accel::cli::read_json_record(line, "text", kReserved);
  const Json parsed = Json::parse(line, nullptr, false);
  if (has_huge_number(line)) return;
  if (!record.ok()) {
    check(!comparable(line, parsed) || !acceptable(line, parsed));
    return;
  }
  check(accel::find_invalid_utf8(record->text) == std::string::npos);
  if (line.find("\\u") == std::string::npos) check(!parsed.is_discarded());
  const Json carried = Json::parse("{" + record->carried + "}", nullptr, false);
  if (!comparable(line, parsed)) return;
  check(parsed.at("text") == record->text);
  Json rest = parsed;
  rest.erase("text");
  check(carried == rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  const std::string line = accel::repair_utf8(given).text;
  check_record(line);
  check_record("{\"text\":\"a\"," + line + "}");
  const auto text = accel::cli::read_json_string(line);
  if (text.ok()) check(accel::find_invalid_utf8(text->text) == std::string::npos);
  return 0;
}
