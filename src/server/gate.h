// Who may come in, and when: asked of every request on its head alone, before a byte of its body is
// read. gate/keyed_gate.h is the one of a real server.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/http/message.h"

namespace accel::server {

// Whoever asks, by the key that was shown.
struct Visitor {
  std::string name = "anonymous";
  int priority = 0;   // SubmitOptions::priority
  bool bulk = false;  // SubmitOptions::bulk
  // That may be used, as "name" for all its versions or as "name:version"; empty: all. An alias is
  // a name of its own.
  std::vector<std::string> models;

  bool may_use(std::string_view model) const;
};

struct Admitted {
  Visitor visitor;
  std::shared_ptr<const void> permit;  // held until the answer is written
};

struct Refusal {
  Status why;
  int status = 503;          // of HTTP: 401, 403, 429, 503
  double retry_seconds = 0;  // after which it may be better; 0: never
  std::string_view reason;   // one of refused::kAll
};

// Why a request was refused, for counting.
namespace refused {
inline constexpr std::string_view kNoKey = "no_key";            // 401: none was shown
inline constexpr std::string_view kBadKey = "bad_key";          // 401: unknown, or of another kind
inline constexpr std::string_view kExpiredKey = "expired_key";  // 401
inline constexpr std::string_view kScope = "scope";  // 403: the key is for other requests
inline constexpr std::string_view kRate = "rate";    // 429: requests or tokens of the key
inline constexpr std::string_view kConcurrency =
    "concurrency";                                   // 429: the key has as many as it may
inline constexpr std::string_view kFull = "full";    // 503: all places are taken
inline constexpr std::string_view kShare = "share";  // 503: others wait, and it has its fair share
inline constexpr std::string_view kPriority =
    "priority";                                      // 503: the last places are for higher ones
inline constexpr std::string_view kQueue = "queue";  // 503: it would wait for too long
inline constexpr std::string_view kBytes = "bytes";  // 503: bodies under way fill their memory
inline constexpr std::array kAll{kNoKey, kBadKey, kExpiredKey, kScope, kRate, kConcurrency,
                                 kFull,  kShare,  kPriority,   kQueue, kBytes};
}  // namespace refused

// Safe from any thread. Does not block.
class Gate {
 public:
  virtual ~Gate() = default;
  virtual std::variant<Admitted, Refusal> admit(const http::RequestHead& head, Scope scope) = 0;
};

// Lets everybody in.
std::unique_ptr<Gate> make_open_gate();

}  // namespace accel::server
