#include "client/server_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "accel/engine.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "client/server_answer.h"
#include "hub/retry.h"

namespace accel::client {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kAnswerBytesMax = uint64_t{1} << 30;
constexpr milliseconds kWaitStep{100};

// How long to wait before a call is made again, as the server's last answer has it.
std::optional<milliseconds> wait_before_next(const hub::HttpAnswer& answer, hub::Retry& retry) {
  if (answer.code != 429 && answer.code != 503) return std::nullopt;
  const std::string when(answer.header("retry-after"));
  hub::HttpOutcome outcome{.head = {.code = answer.code, .retry_after = when}, .may_pass = true};
  // A quota that says when it has room again will have it; what is unavailable may stay so.
  return retry.next(outcome, /*progressed=*/answer.code == 429 && !when.empty());
}

Status wait(milliseconds left, const std::function<Status()>& go_on) {
  while (left > milliseconds(0)) {
    ACCEL_TRY(go_on());
    const milliseconds step = std::min(left, kWaitStep);
    std::this_thread::sleep_for(step);
    left -= step;
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<ServerClient>> ServerClient::create(const ServerOptions& options) {
  ACCEL_ASSIGN(ServerUrl url, parse_server_url(options.url));
  const bool sendable =
      std::ranges::all_of(options.key, [](unsigned char c) { return c > ' ' && c < 0x7F; });
  if (!sendable) {
    return invalid_argument(
        "expected a key of printable characters, found another, which is not shown here");
  }
  if (!(options.timeout_seconds > 0) || !std::isfinite(options.timeout_seconds)) {
    return invalid_argument(
        fmt::format("expected a number of seconds above 0, found {}", options.timeout_seconds));
  }
  ACCEL_ASSIGN(auto callers,
               hub::HttpCallers::create({.user_agent = fmt::format("accel/{}", version()),
                                         .ca_file = options.ca_file,
                                         .unix_socket = url.unix_socket,
                                         .answer_bytes_max = kAnswerBytesMax}));
  return std::shared_ptr<ServerClient>(
      new ServerClient(options, std::move(url), std::move(callers)));
}

Result<hub::HttpAnswer> ServerClient::call_once(const hub::HttpCall& call,
                                                const std::function<Status()>& go_on) {
  Result<hub::HttpAnswer> answer = callers_->call(call, go_on);
  if (answer.ok() && answer->cut) {
    return resource_exhausted(fmt::format("{}: expected an answer of at most {} bytes, found more",
                                          name(), kAnswerBytesMax));
  }
  return answer;
}

Result<hub::HttpAnswer> ServerClient::call(const ServerCall& call,
                                           const std::atomic<bool>& cancelled) {
  hub::HttpCall http{.url = url_.base + call.path, .headers = call.headers, .body = {}};
  if (call.body) http.body = *call.body;
  if (!options_.key.empty()) http.headers.push_back("Authorization: Bearer " + options_.key);
  http.headers.push_back(
      fmt::format("X-Request-Timeout-Ms: {}", std::ceil(options_.timeout_seconds * 1e3)));
  const auto began = Clock::now();
  const std::function<Status()> go_on = [&]() -> Status {
    if (cancelled || (options_.stopped && options_.stopped())) return accel::cancelled("stopped");
    if (seconds_since(began) < options_.timeout_seconds) return {};
    return deadline_exceeded(
        fmt::format("expected an answer within {} seconds, found none", options_.timeout_seconds));
  };
  hub::Retry retry;
  while (true) {
    ACCEL_ASSIGN(hub::HttpAnswer answer, call_once(http, go_on));
    const std::optional<milliseconds> pause = wait_before_next(answer, retry);
    const double left = options_.timeout_seconds - seconds_since(began);
    if (!pause || std::chrono::duration<double>(*pause).count() >= left) {
      const Status status = status_of(answer);
      // A server may send the key back.
      if (!options_.key.empty() && status.message().find(options_.key) != std::string::npos) {
        return Status(status.code(), "the server refused, in words that hold the key");
      }
      ACCEL_TRY(status);
      return answer;
    }
    ACCEL_TRY(wait(*pause, go_on));
  }
}

}  // namespace accel::client
