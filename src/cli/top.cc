// accel top: a running server, looked at again and again.
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/server_flags.h"
#include "cli/top_view.h"
#include "client/metric_page.h"

namespace accel::cli {
namespace {

constexpr std::string_view kUsualServer = "http://127.0.0.1:8000";
constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";

struct TopFlags {
  ServerFlags server{.url = std::string(kUsualServer), .timeout_seconds = 10};
  std::string every = "2";
  bool once = false;
  bool json = false;

  void declare(Flags& flags);
  Result<double> seconds() const;
};

void TopFlags::declare(Flags& flags) {
  flags.text("--server", "URL", &server.url,
             "http://HOST:PORT, https://HOST or unix:/PATH; where administrators have an address "
             "of their own, that one (default http://127.0.0.1:8000)");
  server.declare_connection(flags);
  flags.text("--every", "SECONDS", &every, "between two looks (default 2)");
  flags.flag("--once", &once, "what happened within the first of them, and no more");
  flags.flag("--json", &json,
             "for programs, on a terminal too, an object a line; a pipe always "
             "gets it");
  flags.example("accel top");
  flags.example("accel top --server https://host:8443 --once --json");
}

Result<double> TopFlags::seconds() const {
  double seconds = 0;
  const auto [end, error] = std::from_chars(every.data(), every.data() + every.size(), seconds);
  if (error != std::errc() || end != every.data() + every.size() || !(seconds >= 0.1) ||
      seconds > 3600) {
    return invalid_argument(
        fmt::format("--every: expected seconds from 0.1 to 3600, found '{}'", every));
  }
  return seconds;
}

double clock_now() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A page and when it was read.
struct Look {
  client::MetricPage page;
  Clock::time_point when;
};

Result<Look> look_at(client::ServerClient& server) {
  static const std::atomic<bool> kNever = false;
  ACCEL_ASSIGN(const hub::HttpAnswer answer,
               server.call({.path = "/metrics", .headers = {}}, kNever));
  Result<client::MetricPage> page = client::MetricPage::parse(answer.body);
  if (!page.ok()) return page.status().with_context(server.name() + "/metrics");
  if (page->values("accel_build_info", "version").empty()) {
    return unavailable(server.name() + "/metrics: expected what accel serve counts, found other "
                                       "metrics");
  }
  return Look{std::move(*page), Clock::now()};
}

std::string json_of(const OrderedJson& view) {
  return view.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

// False: a signal came.
bool pause(const Interrupt& interrupt, double seconds) {
  pollfd stop{.fd = interrupt.stop_fd(), .events = POLLIN, .revents = 0};
  return ::poll(&stop, 1, static_cast<int>(seconds * 1000)) == 0;
}

}  // namespace

Status run_top(const Command& command, const Arguments& arguments) {
  TopFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const double seconds, given.seconds());
  const bool as_json = given.json || !stdout_is_terminal();
  ACCEL_ASSIGN(const auto interrupt, Interrupt::create());
  ACCEL_ASSIGN(const auto server, given.server.connect(interrupt.get()));
  ACCEL_ASSIGN(Look before, look_at(*server));
  while (pause(*interrupt, seconds)) {
    ACCEL_ASSIGN(Look now, look_at(*server));
    const double passed = std::chrono::duration<double>(now.when - before.when).count();
    const TopView view = top_view(now.page, before.page, passed, clock_now());
    const std::string text =
        as_json ? json_of(top_json(view, server->name())) : top_text(view, server->name());
    ACCEL_TRY(print(as_json || given.once ? text : std::string(kClearScreen) + text));
    if (given.once) break;
    before = std::move(now);
  }
  return {};
}

}  // namespace accel::cli
