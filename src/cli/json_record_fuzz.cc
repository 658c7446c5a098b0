// A line of JSONL: never a crash, the same verdict as another parser, and what is carried through
// is JSON again.
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

// Whether this line is one that both parsers must judge alike: shallow, no escape of half a
// surrogate pair (accel replaces these), no member named twice or reserved.
bool comparable(const std::string& line, const Json& parsed) {
  return parsed.is_object() && line.find("\\u") == std::string::npos && !parsed.contains("index") &&
         !parsed.contains("tokens");
}

void check_record(const std::string& line) {
  const auto record = accel::cli::read_json_record(line, "text", kReserved);
  const Json parsed = Json::parse(line, nullptr, false);
  if (!record.ok()) return;
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
