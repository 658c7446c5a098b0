#include "hub/conversion_advice.h"

#include <filesystem>
#include <string_view>

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConvertedMark = "-openvino";

// As one word for a shell.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+:@";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// `folder` holds NAME.xml.
std::string flat_line(const fs::path& folder) {
  const std::string name = folder.filename().string();
  std::string line = "accel convert " + quoted(name);
  if (folder != fs::path("models/openvino") / name) line += " " + quoted(folder.string());
  return line + " --layout flat";
}

std::string folder_line(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const size_t mark = name.rfind(kConvertedMark);
  if (mark == std::string::npos || mark == 0) return {};
  std::string line = "accel convert " + quoted(name.substr(0, mark));
  if (folder.has_parent_path()) line += " " + quoted(folder.string());
  const std::string_view precision = std::string_view(name).substr(mark + kConvertedMark.size());
  if (precision.empty()) return line;
  for (const std::string_view known : {"-f16", "-bf16", "-int8", "-int4"}) {
    if (precision == known) return line + " --precision " + std::string(known.substr(1));
  }
  return {};
}

}  // namespace

std::string conversion_advice(const std::string& path) {
  fs::path asked = fs::path(path).lexically_normal();
  if (!asked.has_filename()) asked = asked.parent_path();
  const fs::path folder = asked.parent_path();
  if (asked.extension() == ".xml") {
    if (folder.filename() == asked.stem() && !folder.empty()) return flat_line(folder);
    if (asked.stem() != "openvino_model") return {};
    if (const std::string line = folder_line(folder); !line.empty()) return line;
    return folder.empty() ? "accel convert SRC" : "accel convert SRC " + quoted(folder.string());
  }
  if (folder.filename() == "openvino" && folder.parent_path().filename() == "models") {
    return flat_line(asked);
  }
  return folder_line(asked);
}

}  // namespace accel::hub
