#include "config/command_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"
#include "config/option.h"

namespace accel::config {
namespace {

constexpr std::string_view kInput = "{input}";
constexpr std::string_view kOutput = "{output}";
constexpr size_t kSuffixBytesMax = 32;
constexpr size_t kCommandsMax = 64;

bool plain(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<std::vector<std::string>> words_in(const Json& value) {
  std::vector<std::string> words;
  if (value.is_string()) {
    for (const std::string_view word : words_of(value.get_ref<const std::string&>())) {
      words.emplace_back(word);
    }
    return words;
  }
  const bool texts = value.is_array() &&
                     std::ranges::all_of(value, [](const Json& word) { return word.is_string(); });
  if (!texts) return invalid_argument("expected a list of words, found another value");
  for (const Json& word : value) words.push_back(word.get<std::string>());
  return words;
}

}  // namespace

Status check_command(const SuffixCommand& command) {
  const std::string& suffix = command.suffix;
  if (suffix.size() < 2 || suffix.size() > kSuffixBytesMax || suffix.front() != '.' ||
      suffix.find('/') != std::string::npos || !plain(suffix)) {
    return invalid_argument(
        fmt::format("expected a suffix of a file's name (.h5), found '{}'", suffix));
  }
  const auto has = [&](std::string_view mark) {
    return std::ranges::any_of(command.words, [&](const std::string& word) {
      return word.find(mark) != std::string::npos;
    });
  };
  const bool fine = !command.words.empty() && !command.words.front().empty() && has(kInput) &&
                    has(kOutput) && std::ranges::all_of(command.words, plain);
  if (fine) return {};
  return invalid_argument(
      fmt::format("expected a program and its arguments with {} and {} among them, found {}",
                  kInput, kOutput, to_text({command})));
}

Result<std::vector<SuffixCommand>> parse_commands(std::string_view json) {
  ACCEL_ASSIGN(const Json object, parse_json(json));
  if (!object.is_object()) {
    return invalid_argument("expected a mapping from suffixes to commands, found another value");
  }
  if (object.size() > kCommandsMax) {
    return invalid_argument(fmt::format("expected at most {} suffixes", kCommandsMax));
  }
  std::vector<SuffixCommand> commands;
  for (const auto& [suffix, value] : object.items()) {
    auto words = words_in(value);
    if (!words.ok()) return words.status().with_context(suffix);
    commands.push_back({suffix, std::move(*words)});
    const Status checked = check_command(commands.back());
    if (!checked.ok()) return checked.with_context(suffix);
  }
  return commands;
}

std::string to_text(const std::vector<SuffixCommand>& commands) {
  Json object = Json::object();
  for (const SuffixCommand& one : commands) object[one.suffix] = one.words;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string filled(std::string_view word, std::string_view input, std::string_view output) {
  std::string text;
  while (!word.empty()) {
    const bool at_input = word.starts_with(kInput);
    const bool at_output = word.starts_with(kOutput);
    if (at_input) text += input;
    if (at_output) text += output;
    if (!at_input && !at_output) text += word.front();
    word.remove_prefix(at_input ? kInput.size() : at_output ? kOutput.size() : 1);
  }
  return text;
}

}  // namespace accel::config
