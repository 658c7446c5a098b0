#include "cli/completion_script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace accel::cli {
namespace {

constexpr std::array<std::string_view, 7> kFilePlaces = {"FILE", "FILE|-", "FOLDER", "INPUT",
                                                         "OUT",  "PATH",   "WHAT"};
constexpr std::array<std::string_view, 4> kModelPlaces = {"MODEL", "MODEL|FILE", "SRC", "TARGET"};

template <class Places>
bool is_one_of(const Places& places, std::string_view name) {
  return std::ranges::find(places, name) != places.end();
}

// "auto|f32" and not "FILE|-".
std::vector<std::string> alternatives(std::string_view value) {
  std::vector<std::string> words;
  const bool plain = std::ranges::all_of(value, [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '|' || c == '-' || c == '_';
  });
  if (!plain || value.find('|') == std::string_view::npos) return words;
  while (!value.empty()) {
    words.emplace_back(value.substr(0, value.find('|')));
    value.remove_prefix(std::min(words.back().size() + 1, value.size()));
  }
  return words;
}

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// The beginning of a help text: what a list has room for.
std::string short_help(std::string_view text) {
  const size_t end = text.find_first_of(";:(");
  std::string out(text.substr(0, std::min<size_t>(end, 70)));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// --- bash ----------------------------------------------------------------------------------------

std::string bash_kind(const Completed& completed) {
  switch (completed.kind) {
    case CompletedKind::kFiles: return "files";
    case CompletedKind::kModels: return "models";
    case CompletedKind::kWords: return fmt::format("words {}", fmt::join(completed.words, " "));
    case CompletedKind::kAny: break;
  }
  return "any";
}

constexpr std::string_view kBashRest = R"bash(
_accel_offer() {  # KIND [WORD ...] CURRENT
  local current=${*: -1}
  case $1 in
    files) _accel_files "$current" ;;
    models)
      mapfile -t COMPREPLY < <(compgen -W "$("$accel" completion models 2>/dev/null)" -- "$current")
      [[ ${#COMPREPLY[@]} -gt 0 ]] || _accel_files "$current" ;;
    words) mapfile -t COMPREPLY < <(compgen -W "${*:2:$#-2}" -- "$current") ;;
  esac
}

_accel_files() {  # CURRENT
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_accel() {
  local accel=${COMP_WORDS[0]} command=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD-1]} at place=0 kind
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _accel_offer words $_accel_commands "$current"
    return
  fi
  # "--flag=value" and "name=model" are three words here.
  if [[ $current == = || $before == = ]]; then
    at=$((COMP_CWORD - 1))
    [[ $before == = ]] && at=$((COMP_CWORD - 2))
    [[ $current == = ]] && current=
    before=${COMP_WORDS[at]}
    if [[ $before != --* ]]; then
      _accel_offer models "$current"
      return
    fi
  fi
  if [[ $before == --* ]]; then
    kind=$(_accel_value "$command" "$before")
    if [[ $kind != none ]]; then
      _accel_offer $kind "$current"
      return
    fi
  fi
  if [[ $current == -* ]]; then
    _accel_offer words $(_accel_flags "$command") "$current"
    return
  fi
  for ((at = 2; at < COMP_CWORD; ++at)); do
    if [[ ${COMP_WORDS[at]} == --* ]]; then
      [[ $(_accel_value "$command" "${COMP_WORDS[at]}") == none ]] || ((++at))
      [[ ${COMP_WORDS[at]} != = ]] || ((++at))
    else
      ((++place))
    fi
  done
  _accel_offer $(_accel_argument "$command" $place) "$current"
}

complete -F _accel accel
)bash";

// --- zsh -----------------------------------------------------------------------------------------

// Inside of '[...]' and ':...:' of _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const Completed& completed) {
  switch (completed.kind) {
    case CompletedKind::kFiles: return "_files";
    case CompletedKind::kModels: return "_accel_models";
    case CompletedKind::kWords: return fmt::format("({})", fmt::join(completed.words, " "));
    case CompletedKind::kAny: break;
  }
  return " ";
}

std::string zsh_command(const CommandDescription& command) {
  std::string out = fmt::format("    {})\n      _arguments", command.name);
  for (const DescribedFlag& flag : command.flags) {
    std::string spec = fmt::format("{}[{}]", flag.name, zsh_text(short_help(flag.help)));
    if (!flag.value.empty()) {
      spec += fmt::format(":{}:{}", zsh_text(flag.value), zsh_action(completed_of(flag)));
    }
    out += " \\\n        " + shell_quoted(spec);
  }
  for (const DescribedArgument& one : command.arguments) {
    const std::string action = zsh_action(completed_of(one));
    out += " \\\n        " + shell_quoted(fmt::format("{}:{}:{}", one.repeated ? "*" : "",
                                                      zsh_text(one.name), action));
  }
  return out + "\n      ;;\n";
}

// --- fish ----------------------------------------------------------------------------------------

std::string fish_what(const Completed& completed) {
  switch (completed.kind) {
    case CompletedKind::kFiles: return " -F";
    case CompletedKind::kModels: return " -F -a '(accel completion models 2>/dev/null)'";
    case CompletedKind::kWords:
      return fmt::format(" -f -a {}",
                         shell_quoted(fmt::format("{}", fmt::join(completed.words, " "))));
    case CompletedKind::kAny: break;
  }
  return " -f";
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Completed completed_of(const DescribedFlag& flag) {
  if (std::vector<std::string> words = alternatives(flag.value); !words.empty()) {
    return {.kind = CompletedKind::kWords, .words = std::move(words)};
  }
  return {.kind = is_one_of(kFilePlaces, flag.value) ? CompletedKind::kFiles : CompletedKind::kAny};
}

Completed completed_of(const DescribedArgument& argument) {
  if (!argument.words.empty()) return {.kind = CompletedKind::kWords, .words = argument.words};
  if (is_one_of(kModelPlaces, argument.name)) return {.kind = CompletedKind::kModels};
  return {.kind =
              is_one_of(kFilePlaces, argument.name) ? CompletedKind::kFiles : CompletedKind::kAny};
}

std::string bash_completion(std::span<const CommandDescription> commands) {
  std::string names;
  std::string flags;
  std::string values;
  std::string arguments;
  for (const CommandDescription& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::string own;
    for (const DescribedFlag& flag : command.flags) {
      own += (own.empty() ? "" : " ") + flag.name;
      if (flag.value.empty()) continue;
      values += fmt::format("    {}) echo {} ;;\n", shell_quoted(command.name + " " + flag.name),
                            shell_quoted(bash_kind(completed_of(flag))));
    }
    flags += fmt::format("    {}) echo {} ;;\n", command.name, shell_quoted(own));
    for (size_t i = 0; i < command.arguments.size(); ++i) {
      const DescribedArgument& one = command.arguments[i];
      arguments += fmt::format("    {}' '{}) echo {} ;;\n", command.name,
                               one.repeated ? "*" : std::to_string(i),
                               shell_quoted(bash_kind(completed_of(one))));
    }
  }
  return fmt::format(
             "# Completion of accel for bash, written by: accel completion bash\n"
             "_accel_commands='{}'\n\n"
             "_accel_flags() {{  # COMMAND\n  case $1 in\n{}  esac\n}}\n\n"
             "_accel_value() {{  # COMMAND FLAG\n  case \"$1 $2\" in\n{}    *) echo none ;;\n"
             "  esac\n}}\n\n"
             "_accel_argument() {{  # COMMAND PLACE\n  case \"$1 $2\" in\n{}    *) echo any ;;\n"
             "  esac\n}}\n",
             names, flags, values, arguments) +
         std::string(kBashRest);
}

std::string zsh_completion(std::span<const CommandDescription> commands) {
  std::string out = "#compdef accel\n"
                    "# Completion of accel for zsh, written by: accel completion zsh\n\n"
                    "_accel_models() {\n"
                    "  local -a models\n"
                    "  models=(${(f)\"$(accel completion models 2>/dev/null)\"})\n"
                    "  _alternative 'models:model:compadd -a models' 'files:file:_files'\n"
                    "}\n\n"
                    "_accel_commands() {\n"
                    "  local -a commands\n"
                    "  commands=(\n";
  for (const CommandDescription& command : commands) {
    out += "    " + shell_quoted(command.name + ":" + zsh_text(short_help(command.summary))) + "\n";
  }
  out += "  )\n"
         "  _describe command commands\n"
         "}\n\n"
         "_accel() {\n"
         "  if ((CURRENT == 2)); then\n"
         "    _accel_commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  ((--CURRENT))\n"
         "  case $command in\n";
  for (const CommandDescription& command : commands) out += zsh_command(command);
  return out + "  esac\n}\n\nif [ \"$funcstack[1]\" = _accel ]; then _accel \"$@\"; else compdef "
               "_accel accel; fi\n";
}

std::string fish_completion(std::span<const CommandDescription> commands) {
  std::string out = "# Completion of accel for fish, written by: accel completion fish\n"
                    "complete -c accel -f -n __fish_use_subcommand\n";
  for (const CommandDescription& command : commands) {
    out += fmt::format("complete -c accel -f -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       fish_quoted(short_help(command.summary)));
  }
  for (const CommandDescription& command : commands) {
    const std::string within =
        fmt::format("complete -c accel -n '__fish_seen_subcommand_from {}'", command.name);
    for (const DescribedFlag& flag : command.flags) {
      out += fmt::format("{} -l {} -d {}{}\n", within, flag.name.substr(2),
                         fish_quoted(short_help(flag.help)),
                         flag.value.empty() ? "" : " -r" + fish_what(completed_of(flag)));
    }
    // Places are not told apart: all that may stand at one of them is offered.
    for (const DescribedArgument& one : command.arguments) {
      out += within + fish_what(completed_of(one)) + "\n";
    }
  }
  return out;
}

}  // namespace accel::cli
