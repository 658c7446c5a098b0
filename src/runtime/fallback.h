// Which backend and device run a model, and which next when they cannot. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/precision.h"
#include "accel/status.h"

namespace accel::runtime {

struct Candidate {
  std::string backend;
  std::string device;
  Precision precision = Precision::kAuto;
  // Whether the caller asked for this one, also by AUTO. Else it is a fallback, and results say so.
  bool asked = true;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// What is tried for `request`, in its order; at least one.
// * Each of `devices`, which the request leaves to us: of AUTO those that are there, else the one.
// * "pytorch" is in no build: the reference backend on the CPU stands in, `fallback` or not.
// * With `fallback` further the CPU in the precision asked for, then in f32, then the reference
//   backend.
std::vector<Candidate> load_candidates(const Candidate& request,
                                       std::span<const std::string> devices, bool fallback);

// Whether another device or backend may do what this one could not.
bool lies_with_candidate(const Candidate& candidate, StatusCode code);

// The one to try after `failed` ended with `error`, or none: then the error is the answer. An error
// that lies with the model, the request or the memory ends it, for the next would fail alike.
std::optional<size_t> next_candidate(std::span<const Candidate> candidates, size_t failed,
                                     const Status& error);

// "openvino on GPU in f16"; without the precision for auto.
std::string describe(const Candidate& candidate);

// What came of candidates that were tried one after another: the words of results and errors.
class Attempts {
 public:
  void failed(const Candidate& candidate, const Status& error);
  // Why `next` is what runs: "reference on CPU instead of openvino on CPU: ...". After one failed.
  std::string reason(const Candidate& next) const;
  // That of the last one that was asked for, with what came of the others.
  Status error() const;

 private:
  std::string asked_;  // described
  Status error_;       // of `asked_`
  std::string others_;
};

}  // namespace accel::runtime
