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
#include "server/request_record.h"

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

// Held while a request is under way: its end gives back what was taken.
class Permit {
 public:
  virtual ~Permit() = default;
  // What became of the request. At most once.
  virtual void ended(const RequestRecord& record) = 0;
};

struct Admitted {
  Visitor visitor;
  std::unique_ptr<Permit> permit;  // null: nothing was taken
};

struct Refusal {
  Status why;
  int status = 503;          // of HTTP: 401, 403, 429, 503
  double retry_seconds = 0;  // after which it may be better; 0: never
  std::string_view reason;   // one of refused::kAll
};

// Why a request was refused, for counting.
namespace refused {
// 401: none was shown; it is unknown, or no key; it has expired.
inline constexpr std::string_view kNoKey = "no_key";
inline constexpr std::string_view kBadKey = "bad_key";
inline constexpr std::string_view kExpiredKey = "expired_key";
// 403: the key is for other requests.
inline constexpr std::string_view kScope = "scope";
// 429: more requests, or tokens, than the key may; as many of its requests at a time as may be.
inline constexpr std::string_view kRate = "rate";
inline constexpr std::string_view kConcurrency = "concurrency";
// 503: all places are taken; the key has its fair share of them; the rest is for a higher priority;
// the request would wait for too long; bodies under way fill their memory.
inline constexpr std::string_view kFull = "full";
inline constexpr std::string_view kShare = "share";
inline constexpr std::string_view kPriority = "priority";
inline constexpr std::string_view kQueue = "queue";
inline constexpr std::string_view kBytes = "bytes";

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
