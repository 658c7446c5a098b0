// The conformance suite: the contract of backend.h as checks that every backend passes.
//
// A case is a tiny graph of one class of operations, run in one session over inputs of changing
// sizes, against values computed in plain C++ by loops, never by a backend. A contract check
// exercises what backend.h promises beyond numbers: errors and their messages, threads, lifetimes,
// what is read back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace accel::backend {

struct ConformanceRun {
  NamedTensors inputs;
  NamedTensors expected;
};

struct ConformanceCase {
  std::string name;
  std::shared_ptr<const ov::Model> model;
  std::vector<ConformanceRun> runs;  // one after another in one session
  // The operation's tolerance: how far a value may be off, as a multiple of
  // epsilon(precision) * max(1, |expected|). Inputs and weights are chosen to be exact in every
  // precision. Integers and truth values must always be equal.
  double epsilons = 1.0;
};

// Of 1.0 to the next number: 2^-23 for f32, 2^-7 for bf16, 2^-10 for f16.
double epsilon(Precision precision);

// All cases, sorted by name within their class (arithmetic, shapes, attention).
std::vector<ConformanceCase> conformance_cases();

// OK when the backend compiles the case for these options and every run gives the expected outputs,
// else INTERNAL with the case, the run, the first value that is off and by how much, or the
// backend's own error.
Status run_case(const Backend& backend, const CompileOptions& options, const ConformanceCase& test);

// All cases and all contract checks; `options` names the device and the precision, which the device
// must offer (Device::precisions). INTERNAL listing everything that failed, a line each.
Status run_conformance(const Backend& backend, const CompileOptions& options);

}  // namespace accel::backend
