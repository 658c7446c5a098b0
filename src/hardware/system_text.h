// The small text files of /proc and /sys: reading one, and taking its text apart. Pure but for
// read_system_text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accel::hardware {

inline constexpr int kMaxCpus = 65536;  // bounds what is made of numbers in those files

// The file `path` (relative, as "proc/cpuinfo") below `root`, or nothing when it cannot be read as
// a regular file of at most 16 MiB.
std::optional<std::string> read_system_text(const std::filesystem::path& root,
                                            const std::filesystem::path& path);

// The same trimmed, and empty when it cannot be read; `path` may start at "/".
std::string text_at(const std::filesystem::path& root, const std::filesystem::path& path);

// Without spaces, tabs and line ends around it.
std::string_view trim(std::string_view text);

// The pieces between separators, empty ones included; "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

// The pieces between runs of spaces and tabs; none of them empty.
std::vector<std::string_view> split_words(std::string_view text);

// "key : value" with both trimmed, or nothing without the colon.
struct Field {
  std::string_view key;
  std::string_view value;
};
std::optional<Field> parse_field(std::string_view line);

// A whole decimal number ("-1") or with prefix 0x a hexadecimal one, trimmed; nothing for anything
// else, or beyond 63 bits.
std::optional<int64_t> parse_number(std::string_view text);

// The same held within an int; `otherwise` for no number or one out of range.
int parse_int(std::string_view text, int otherwise);

// The names in a folder, sorted, at most 65,536; none when it cannot be read.
std::vector<std::string> list_folder(const std::filesystem::path& folder);

}  // namespace accel::hardware
