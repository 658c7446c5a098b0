// The gate of a server: keys first, then whether there is room.
//
//   auto keys = KeyFile::open("keys.yaml");
//   KeyedGate gate({.keys = keys->get()});
//   Server server(options, {.service = service, .gate = gate});
//
// Without keys everybody is "anonymous" and may do everything, as far as there is room; there are
// no priorities then, and all places are everybody's. A request of Scope::kPublic needs no key. It
// takes no place, and neither does one of kMetrics: whoever wants to know how a full server is
// doing is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "base/stopwatch.h"
#include "server/gate.h"
#include "server/gate/admission.h"
#include "server/keys/key_file.h"

namespace accel::server {

struct GateOptions {
  AdmissionLimits limits;
  const KeyFile* keys = nullptr;  // outlives the gate; null: no keys
  std::function<Clock::time_point()> clock = Clock::now;
  std::function<int64_t()> calendar;  // seconds since 1970; empty: the system's
};

// Outlives what it admitted.
class KeyedGate : public Gate {
 public:
  explicit KeyedGate(GateOptions options);

  std::variant<Admitted, Refusal> admit(const http::RequestHead& head, Scope scope) override;

  AdmissionState state() const { return admission_.state(); }

 private:
  std::variant<Key, Refusal> key_of(const http::RequestHead& head, Scope scope) const;
  std::variant<Admitted, Refusal> enter(const http::RequestHead& head, Scope scope, const Key& key);

  const GateOptions options_;
  Admission admission_;
};

}  // namespace accel::server
