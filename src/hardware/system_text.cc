#include "hardware/system_text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "base/files.h"

namespace accel::hardware {
namespace {

constexpr uint64_t kMaxTextBytes = 16 << 20;
constexpr size_t kMaxNames = 65536;
constexpr std::string_view kBlanks = " \t\r\n\v\f";

}  // namespace

std::optional<std::string> read_system_text(const std::filesystem::path& root,
                                            const std::filesystem::path& path) {
  const std::filesystem::path file = root / path;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  Result<std::string> text = read_file(file, kMaxTextBytes);
  if (!text.ok()) return std::nullopt;
  return std::move(text).value();
}

std::string text_at(const std::filesystem::path& root, const std::filesystem::path& path) {
  return std::string(trim(read_system_text(root, path.relative_path()).value_or("")));
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

std::optional<Field> parse_field(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Field{trim(line.substr(0, colon)), trim(line.substr(colon + 1))};
}

std::optional<int64_t> parse_number(std::string_view text) {
  text = trim(text);
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (hexadecimal) text.remove_prefix(2);
  if (hexadecimal && text.starts_with('-')) return std::nullopt;
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, hexadecimal ? 16 : 10);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

int parse_int(std::string_view text, int otherwise) {
  const std::optional<int64_t> number = parse_number(text);
  if (!number || *number > std::numeric_limits<int>::max() ||
      *number < std::numeric_limits<int>::min()) {
    return otherwise;
  }
  return static_cast<int>(*number);
}

std::vector<std::string> list_folder(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator() && names.size() < kMaxNames;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace accel::hardware
