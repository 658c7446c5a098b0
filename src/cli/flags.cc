#include "cli/flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <deque>

#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/table.h"

namespace accel::cli {

enum class Kind : uint8_t { kText, kNumber, kChoice, kFlag };

struct Flag {
  Kind kind;
  std::string name;
  std::string value;  // how the help shows it
  std::string help;
  std::vector<std::string_view> choices;
  std::string* text = nullptr;
  int64_t* number = nullptr;
  bool* flag = nullptr;
  std::string given;  // as it stands on the command line
};

struct Positional {
  std::string name;
  std::string help;
  bool required;
  std::string* one = nullptr;
  std::vector<std::string>* all = nullptr;
  size_t least = 0;
  std::vector<std::string_view> words = {};
};

namespace {

constexpr size_t kHelpColumns = 100;

// `text` in lines of at most `columns`, the later ones indented.
std::string wrapped(std::string_view text, size_t columns, size_t indent) {
  std::string out;
  size_t line = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (line > 0 && line + 1 + word.size() > columns) {
      out += "\n" + std::string(indent, ' ');
      line = 0;
    } else if (line > 0) {
      out += ' ';
      ++line;
    }
    out += word;
    line += word.size();
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return out;
}

// "--x" and "-x"; not "-5 degrees" and "- a bullet".
bool looks_like_flag(std::string_view given) {
  if (given.size() < 2 || given[0] != '-') return false;
  return given[1] == '-' || std::isalpha(static_cast<unsigned char>(given[1])) != 0;
}

Status set(const Flag& flag) {
  switch (flag.kind) {
    case Kind::kNumber: {
      const char* end = flag.given.data() + flag.given.size();
      int64_t number = 0;
      const auto read = std::from_chars(flag.given.data(), end, number);
      if (read.ec != std::errc() || read.ptr != end || number < 0) {
        return invalid_argument(fmt::format("{}: expected a whole number from 0 on, found '{}'",
                                            flag.name, printable(flag.given)));
      }
      *flag.number = number;
      return {};
    }
    case Kind::kChoice:
      if (std::ranges::find(flag.choices, flag.given) == flag.choices.end()) {
        return invalid_argument(fmt::format("{}: expected one of {}, found '{}'{}", flag.name,
                                            fmt::join(flag.choices, ", "), printable(flag.given),
                                            did_you_mean(flag.given, flag.choices)));
      }
      [[fallthrough]];
    case Kind::kText: *flag.text = flag.given; return {};
    case Kind::kFlag: *flag.flag = true; return {};
  }
  return {};
}

}  // namespace

struct Flags::State {
  std::string command;
  std::string summary;
  std::deque<Flag> flags;  // a deque, for the parser keeps pointers to them
  std::vector<Positional> positionals;
  std::vector<std::string> examples;
  CommandDescription* described = nullptr;  // filled instead of parsing

  Status refuse(std::string_view what) const {
    return invalid_argument(fmt::format("{}; see accel {} --help", what, command));
  }
  Status unknown(std::string_view given) const;
  Status set_positionals(std::vector<std::string> values) const;
  std::string usage() const;
};

Status Flags::State::unknown(std::string_view given) const {
  std::vector<std::string_view> names{"--help"};
  for (const Flag& flag : flags) names.push_back(flag.name);
  const std::string_view name = given.substr(0, given.find('='));
  std::string hint = did_you_mean(name, names);
  if (hint.empty() && !positionals.empty() && positionals.back().all != nullptr) {
    hint = fmt::format("; put -- before a {} that starts with '-'", positionals.back().name);
  }
  return refuse(fmt::format("unknown flag '{}'{}", printable(name), hint));
}

Status Flags::State::set_positionals(std::vector<std::string> values) const {
  size_t at = 0;
  for (const Positional& positional : positionals) {
    const size_t left = values.size() - at;
    if (left < (positional.all != nullptr ? positional.least : positional.required ? 1 : 0)) {
      const bool several = positional.all != nullptr && positional.least > 1;
      return refuse(several ? fmt::format("expected at least {} of {}, found {}", positional.least,
                                          positional.name, left)
                            : fmt::format("expected {}: {}", positional.name, positional.help));
    }
    if (positional.all != nullptr) {
      positional.all->assign(std::make_move_iterator(values.begin() + at),
                             std::make_move_iterator(values.end()));
      return {};
    }
    if (left > 0) *positional.one = std::move(values[at++]);
  }
  if (at == values.size()) return {};
  return refuse(fmt::format("expected no further argument, found '{}'", printable(values[at])));
}

std::string Flags::State::usage() const {
  std::string line = "accel " + command;
  if (!flags.empty()) line += " [FLAGS]";
  for (const Positional& positional : positionals) {
    std::string name = positional.name;
    if (positional.all != nullptr) name += "...";
    line += positional.required ? " " + name : " [" + name + "]";
  }
  return line;
}

Flags::Flags(std::string_view command, std::string_view summary)
    : state_(std::make_unique<State>(
          State{.command = std::string(command), .summary = std::string(summary)})) {}

Flags::Flags(const Command& command) : Flags(command.name, command.summary) {
  state_->described = command.description;
}

Flags::~Flags() = default;

void Flags::argument(std::string_view name, std::string* target, std::string_view help) {
  state_->positionals.push_back({std::string(name), std::string(help), true, target});
}

void Flags::optional_argument(std::string_view name, std::string* target, std::string_view help) {
  state_->positionals.push_back({std::string(name), std::string(help), false, target});
}

void Flags::arguments(std::string_view name, std::vector<std::string>* target, size_t least,
                      std::string_view help) {
  state_->positionals.push_back(
      {std::string(name), std::string(help), least > 0, nullptr, target, least});
}

void Flags::words(std::vector<std::string_view> words) {
  state_->positionals.back().words = std::move(words);
}

void Flags::text(std::string_view name, std::string_view value, std::string* target,
                 std::string_view help) {
  state_->flags.push_back({.kind = Kind::kText,
                           .name = std::string(name),
                           .value = std::string(value),
                           .help = std::string(help),
                           .text = target});
}

void Flags::number(std::string_view name, int64_t* target, std::string_view help) {
  state_->flags.push_back({.kind = Kind::kNumber,
                           .name = std::string(name),
                           .value = "N",
                           .help = std::string(help),
                           .number = target});
}

void Flags::choice(std::string_view name, std::string* target, std::vector<std::string_view> values,
                   std::string_view help) {
  state_->flags.push_back({.kind = Kind::kChoice,
                           .name = std::string(name),
                           .value = fmt::format("{}", fmt::join(values, "|")),
                           .help = std::string(help),
                           .choices = std::move(values),
                           .text = target});
}

void Flags::flag(std::string_view name, bool* target, std::string_view help) {
  state_->flags.push_back(
      {.kind = Kind::kFlag, .name = std::string(name), .help = std::string(help), .flag = target});
}

void Flags::example(std::string_view line) { state_->examples.emplace_back(line); }

Result<bool> Flags::parse(const Arguments& arguments) {
  if (state_->described != nullptr) {
    *state_->described = description();
    return true;
  }
  CLI::App app;
  app.set_help_flag();
  // Positional arguments are sorted out here: the parser would split a text like "[a,b]".
  app.allow_extras();
  bool help_wanted = false;
  CLI::Option* help_flag = app.add_flag("-h,--help", help_wanted);
  std::vector<CLI::Option*> options;
  for (Flag& flag : state_->flags) {
    options.push_back(flag.kind == Kind::kFlag ? app.add_flag(flag.name)
                                               : app.add_option(flag.name, flag.given));
  }
  const auto dashes = std::ranges::find(arguments, "--");
  try {
    app.parse(std::vector<std::string>(std::make_reverse_iterator(dashes), arguments.rend()));
  } catch (const CLI::Error& error) {
    return state_->refuse(error.what());
  }
  if (help_flag->count() > 0) {
    ACCEL_TRY(print(help()));
    return true;
  }
  std::vector<std::string> positionals = app.remaining();
  for (const std::string& given : positionals) {
    if (looks_like_flag(given)) return state_->unknown(given);
  }
  if (dashes != arguments.end()) {
    positionals.insert(positionals.end(), dashes + 1, arguments.end());
  }
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i]->count() == 0) continue;
    const Flag& flag = state_->flags[i];
    if (flag.kind == Kind::kFlag && options[i]->results().front() != "true") {
      return state_->refuse(flag.name + " takes no value");
    }
    ACCEL_TRY(set(flag));
  }
  ACCEL_TRY(state_->set_positionals(std::move(positionals)));
  return false;
}

std::string Flags::help() const {
  std::string text = fmt::format("accel {}: {}\n\nusage: {}\n\n", state_->command, state_->summary,
                                 state_->usage());
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Positional& positional : state_->positionals) {
    lines.emplace_back(positional.name, positional.help);
  }
  for (const Flag& flag : state_->flags) {
    lines.emplace_back(flag.value.empty() ? flag.name : flag.name + " " + flag.value, flag.help);
  }
  lines.emplace_back("--help", "this text");
  size_t width = 0;
  for (const auto& [name, help] : lines) width = std::max(width, name.size());
  for (const auto& [name, help] : lines) {
    text += fmt::format("  {:<{}}  {}\n", name, width,
                        wrapped(help, kHelpColumns - width - 4, width + 4));
  }
  if (!state_->examples.empty()) text += "\nexamples:\n";
  for (const std::string& line : state_->examples) text += "  " + line + "\n";
  return text;
}

CommandDescription Flags::description() const {
  CommandDescription description{
      .name = state_->command, .summary = state_->summary, .usage = state_->usage()};
  for (const Positional& one : state_->positionals) {
    description.arguments.push_back({.name = one.name,
                                     .help = one.help,
                                     .required = one.required,
                                     .repeated = one.all != nullptr,
                                     .words = {one.words.begin(), one.words.end()}});
  }
  for (const Flag& flag : state_->flags) {
    description.flags.push_back({.name = flag.name, .value = flag.value, .help = flag.help});
  }
  description.flags.push_back({.name = "--help", .value = "", .help = "this text"});
  description.examples = state_->examples;
  return description;
}

}  // namespace accel::cli
