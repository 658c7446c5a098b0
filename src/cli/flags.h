// The arguments of one command: declared once, from which parsing, checking, --help and the
// reference page come.
//
//   std::string model, format = "table";
//   Flags flags("tokenize", "show how a model cuts text into tokens");
//   flags.argument("MODEL", &model, "model folder");
//   flags.choice("--format", &format, {"table", "json", "ids"}, "form of the answer");
//   ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
//   if (help_shown) return {};
//
// Targets hold the defaults and must outlive parse().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::cli {

using Arguments = std::vector<std::string>;
struct Command;

// What a command declares, for completions and manual pages.
struct DescribedFlag {
  std::string name;   // "--http"
  std::string value;  // "ADDRESS:PORT", "auto|f32"; empty: it takes none
  std::string help;
};
struct DescribedArgument {
  std::string name;
  std::string help;
  bool required = false;
  bool repeated = false;
  std::vector<std::string> words = {};  // what it may be, as far as that is a list
};
struct CommandDescription {
  std::string name;
  std::string summary;
  std::string usage;
  std::vector<DescribedFlag> flags = {};  // with --help
  std::vector<DescribedArgument> arguments = {};
  std::vector<std::string> examples = {};
};

class Flags {
 public:
  Flags(std::string_view command, std::string_view summary);
  // Where command.description is set, parse() fills it and says that help was shown.
  explicit Flags(const Command& command);
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  // A positional argument that must be there. In the order of the calls.
  void argument(std::string_view name, std::string* target, std::string_view help);
  // One that may be left out; only before others that may be, too.
  void optional_argument(std::string_view name, std::string* target, std::string_view help);
  // All that remain, at least `least`; the last of the positional ones.
  void arguments(std::string_view name, std::vector<std::string>* target, size_t least,
                 std::string_view help);

  // What the positional argument before it may be; shells offer it.
  void words(std::vector<std::string_view> words);

  // --name VALUE. `value` stands for it in the help: "FILE". `help` is a sentence's end.
  void text(std::string_view name, std::string_view value, std::string* target,
            std::string_view help);
  // A whole number from 0 on.
  void number(std::string_view name, int64_t* target, std::string_view help);
  // One of `values`, which live as long as the program.
  void choice(std::string_view name, std::string* target, std::vector<std::string_view> values,
              std::string_view help);
  // --name without a value.
  void flag(std::string_view name, bool* target, std::string_view help);

  // Lines for the end of the help: "accel embed MODEL 'some text'".
  void example(std::string_view line);

  // Sets the targets. True when --help was there: it has been printed, and there is no more to do.
  // INVALID_ARGUMENT names the argument at fault, what was expected, and the nearest flag for a
  // mistyped one. Behind "--" everything is positional.
  Result<bool> parse(const Arguments& arguments);

  std::string help() const;
  CommandDescription description() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace accel::cli
