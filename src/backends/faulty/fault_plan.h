// Which calls of an engine fail, and how: what a test, or somebody who rehearses an outage, asks
// for. Pure.
//
//   openvino:run=fail/3, openvino:compile=throw, reference:run=nan@2
//
// BACKEND:STEP=KIND, with "/N" for every Nth call and "@N" for the Nth alone; without, each fails.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::backend {

// The calls of the contract that do work.
enum class Step { kCompile, kImport, kSession, kRun };

enum class FaultKind {
  kFail,         // INTERNAL, as of an engine that gives up
  kThrow,        // an exception comes out of the engine
  kUnavailable,  // UNAVAILABLE, as of a device that has gone
  kMemory,       // std::bad_alloc
  kHang,         // the call does not return
  kNan,          // a run answers NaN instead of numbers; of kRun alone
};

struct Fault {
  std::string backend;
  Step step = Step::kRun;
  FaultKind kind = FaultKind::kFail;
  uint64_t every = 1;  // of the calls, counted from 1
  uint64_t only = 0;   // 0: not only one

  bool strikes(uint64_t call) const { return only > 0 ? call == only : call % every == 0; }
  friend bool operator==(const Fault&, const Fault&) = default;
};

// The faults of a list with commas; none for an empty text. INVALID_ARGUMENT names the word at
// fault and what stands there otherwise.
Result<std::vector<Fault>> parse_faults(std::string_view text);

// As parse_faults() reads it.
std::string to_text(const Fault& fault);

}  // namespace accel::backend
