// accel version: the product and what computes in it.
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "text/tokenizer.h"

namespace accel::cli {

Status run_version(const Command& command, const Arguments& arguments) {
  bool json = false;
  Flags flags(command);
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  const std::vector<BackendReport> backends = examine_backends(*engine);
  if (json) {
    return print(json_text({{"accel", version()},
                            {"libraries", text::library_versions()},
                            {"backends", backends_json(backends)}}));
  }
  Table table;
  table.add({"accel", std::string(version())});
  for (const BackendReport& backend : backends) {
    table.add({backend.name, backend.version, backend.available ? "" : "not available"});
  }
  table.add({"libraries", std::string(text::library_versions())});
  return print(table.text() + unavailable_text(backends));
}

}  // namespace accel::cli
