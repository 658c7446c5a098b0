#include "cli/manual_page.h"

#include <fmt/format.h>

#include <cctype>
#include <string_view>

#include "accel/engine.h"

namespace accel::cli {
namespace {

// As it is read back: no character is a command of roff's.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      case '\n': out += ' '; break;
      default: out += c;
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string head(std::string_view name, std::string_view summary) {
  return fmt::format(".\\\" Written by accel help --man.\n.TH {} 1 \"\" \"accel {}\" \"accel\"\n"
                     ".SH NAME\n{} \\- {}\n",
                     roff(upper(name)), roff(version()), roff(name), roff(summary));
}

constexpr std::string_view kEnvironment = R"(.SH ENVIRONMENT
.TP
.B ACCEL_CONFIG
The file of options, as
.BR "\-\-config" ;
.B accel config options
lists the other variables.
.TP
.B ACCEL_LOG
What is logged on standard error, as accel.cache=debug.
)";

constexpr std::string_view kExitStatus = R"(.SH "EXIT STATUS"
0, or the code of the error that the last line on standard error tells: 2 for wrong arguments, 4 for
what is not there, 13 for what cannot be used here.
)";

}  // namespace

std::string manual_page(const CommandDescription& command) {
  std::string page = head("accel-" + command.name, command.summary);
  page += fmt::format(".SH SYNOPSIS\n{}\n", roff(command.usage));
  if (!command.arguments.empty()) page += ".SH ARGUMENTS\n";
  for (const DescribedArgument& one : command.arguments) {
    page += fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(one.name), roff(one.help));
  }
  page += ".SH OPTIONS\n";
  for (const DescribedFlag& one : command.flags) {
    const std::string value = one.value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(one.value));
    page += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(one.name), value, roff(one.help));
  }
  if (!command.examples.empty()) {
    page += ".SH EXAMPLES\n.nf\n";
    for (const std::string& line : command.examples) page += roff(line) + "\n";
    page += ".fi\n";
  }
  page += kExitStatus;
  page += ".SH \"SEE ALSO\"\n.BR accel (1)\n";
  return page;
}

std::string manual_overview(std::span<const CommandDescription> commands) {
  std::string page = head("accel", "text and tensors through neural networks, natively");
  page += ".SH SYNOPSIS\naccel COMMAND ...\n.SH COMMANDS\n";
  for (const CommandDescription& one : commands) {
    page += fmt::format(".TP\n.BR accel\\-{} (1)\n{}\n", roff(one.name), roff(one.summary));
  }
  page += kEnvironment;
  page += kExitStatus;
  return page;
}

}  // namespace accel::cli
