#include "server/gate/keyed_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "server/answer_headers.h"
#include "server/gate/shown_key.h"
#include "server/keys/key_text.h"

namespace accel::server {
namespace {

// Of SubmitOptions::priority.
constexpr int kPriorityStep = 100;
// Counted for a body of which nobody knows how large it will be: one without Content-Length, or a
// compressed one.
constexpr uint64_t kUnknownBodyBytes = 4 << 20;

int64_t system_calendar() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// How long a request stood behind others: until its first answer, less what was done for it. Not
// known of runs on raw tensors, whose times nobody tells.
std::optional<double> waited_seconds(const RequestRecord& record) {
  if (record.items == 0) return std::nullopt;
  constexpr double kMilliseconds = 1000;
  const ItemTimes& times = record.longest;
  const double work = (times.prepare + times.infer + times.finish) / kMilliseconds;
  return std::max(0.0, seconds_between(record.handed_in, record.first_answer) - work);
}

// A place in the house.
class PlacePermit : public Permit {
 public:
  PlacePermit(Admission& admission, const std::function<Clock::time_point()>& clock, Place place)
      : admission_(admission), clock_(clock), place_(std::move(place)) {}
  ~PlacePermit() override { admission_.give_back(place_, outcome_, clock_()); }

  void ended(const RequestRecord& record) override {
    outcome_ = {.answered = record.report != nullptr,
                .waited = waited_seconds(record),
                .tokens = record.tokens};
  }

 private:
  Admission& admission_;
  const std::function<Clock::time_point()>& clock_;
  const Place place_;
  Outcome outcome_;
};

Refusal refusal_of(int status, StatusCode code, std::string_view reason, std::string why) {
  return {.why = Status(code, std::move(why)), .status = status, .reason = reason};
}

Refusal unknown_visitor(std::string_view reason, std::string why) {
  return refusal_of(401, StatusCode::kUnauthenticated, reason, std::move(why));
}

Refusal refusal_of(const Decision& decision) {
  const bool own = decision.reason == refused::kRate || decision.reason == refused::kConcurrency;
  return {.why = own ? resource_exhausted(decision.why) : unavailable(decision.why),
          .status = own ? 429 : 503,
          .retry_seconds = decision.retry_seconds,
          .reason = decision.reason};
}

Visitor visitor_of(const Key& key) {
  return {.name = key.name,
          .priority = (static_cast<int>(key.priority) - static_cast<int>(Priority::kNormal)) *
                      kPriorityStep,
          .bulk = key.bulk,
          .models = key.models};
}

// What an unknown somebody has where there are no keys.
Key anonymous() { return {.name = Visitor().name}; }

uint64_t body_bytes_of(const http::RequestHead& head) {
  const bool coded = !http::find(head.headers, "content-encoding").empty();
  if (head.content_length) {
    return coded ? std::max(*head.content_length, kUnknownBodyBytes) : *head.content_length;
  }
  return http::find(head.headers, "transfer-encoding").empty() ? 0 : kUnknownBodyBytes;
}

// A header that makes no sense is refused later, by whoever needs it.
std::optional<double> deadline_seconds_of(const http::RequestHead& head) {
  constexpr double kMilliseconds = 1000;
  const auto milliseconds = timeout_ms_of(head.headers);
  if (!milliseconds.ok() || !*milliseconds) return std::nullopt;
  return **milliseconds / kMilliseconds;
}

}  // namespace

KeyedGate::KeyedGate(GateOptions options)
    : options_(std::move(options)), admission_(options_.limits) {}

std::variant<Admitted, Refusal> KeyedGate::admit(const http::RequestHead& head, Scope scope) {
  if (scope == Scope::kPublic) return Admitted{};
  std::variant<Key, Refusal> shown = key_of(head, scope);
  if (auto* refusal = std::get_if<Refusal>(&shown)) return std::move(*refusal);
  return enter(head, scope, std::get<Key>(shown));
}

std::variant<Key, Refusal> KeyedGate::key_of(const http::RequestHead& head, Scope scope) const {
  if (options_.keys == nullptr) return anonymous();
  const Result<std::string_view> text = shown_key(head.headers);
  if (!text.ok()) return unknown_visitor(refused::kBadKey, text.status().message());
  if (text->empty()) {
    return unknown_visitor(refused::kNoKey,
                           "expected a key, as Authorization: Bearer KEY or X-API-Key: KEY, found "
                           "none");
  }
  const std::shared_ptr<const KeyTable> table = options_.keys->table();
  const Key* key = table->find(key_hash(*text));
  if (key == nullptr) {
    return unknown_visitor(refused::kBadKey,
                           "expected a key of this server, found one that it does not "
                           "know; it may have been revoked");
  }
  const int64_t now = options_.calendar ? options_.calendar() : system_calendar();
  if (key->expired(now)) {
    return unknown_visitor(refused::kExpiredKey,
                           fmt::format("this key of '{}' has expired", key->name));
  }
  if (!key->allows(scope)) {
    return refusal_of(403, StatusCode::kPermissionDenied, refused::kScope,
                      fmt::format("expected a key of scope '{}', found one of '{}' without it",
                                  scope_name(scope), key->name));
  }
  return *key;
}

std::variant<Admitted, Refusal> KeyedGate::enter(const http::RequestHead& head, Scope scope,
                                                 const Key& key) {
  Admitted admitted{.visitor = visitor_of(key)};
  if (scope == Scope::kMetrics) return admitted;
  // An operator comes in when nobody else does, to make room. With no keys nobody goes first.
  const bool first = scope == Scope::kAdmin || options_.keys == nullptr;
  const bool looks = head.method == "GET" || head.method == "HEAD";
  std::variant<Place, Decision> entry =
      admission_.take({.visitor = key.name,
                       .limits = key.limits,
                       .priority = first ? Priority::kHigh : key.priority,
                       .bulk = key.bulk,
                       .body_bytes = body_bytes_of(head),
                       .deadline_seconds = deadline_seconds_of(head),
                       .runs = scope == Scope::kInfer && !looks},
                      options_.clock());
  if (const auto* decision = std::get_if<Decision>(&entry)) return refusal_of(*decision);
  admitted.permit =
      std::make_unique<PlacePermit>(admission_, options_.clock, std::move(std::get<Place>(entry)));
  return admitted;
}

}  // namespace accel::server
