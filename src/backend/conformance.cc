#include "backend/conformance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "backend/conformance_kit.h"
#include "base/try.h"

namespace accel::backend {

double epsilon(Precision precision) {
  switch (precision) {
    case Precision::kBF16: return 0x1p-7;
    case Precision::kF16: return 0x1p-10;
    default: return 0x1p-23;
  }
}

std::vector<ConformanceCase> conformance_cases() {
  std::vector<ConformanceCase> cases = arithmetic_cases();
  for (auto more : {shape_cases(), attention_cases()}) {
    std::ranges::move(more, std::back_inserter(cases));
  }
  return cases;
}

Status run_case(const Backend& backend, const CompileOptions& options,
                const ConformanceCase& test) {
  const auto failed = [&test](std::string_view what) {
    return internal_error(fmt::format("{}: {}", test.name, what));
  };
  const auto compiled = backend.compile(test.model, options);
  if (!compiled.ok()) return failed(compiled.status().to_string());
  const auto session = (*compiled)->create_session();
  if (!session.ok()) return failed(session.status().to_string());
  const double tolerance = test.epsilons * epsilon(options.precision);
  NamedTensors outputs;
  for (size_t i = 0; i < test.runs.size(); ++i) {
    Status ran = (*session)->run(test.runs[i].inputs, outputs);
    if (ran.ok()) ran = compare(outputs, test.runs[i].expected, tolerance);
    if (!ran.ok()) return failed(fmt::format("run {}: {}", i + 1, ran.message()));
  }
  return {};
}

Status run_conformance(const Backend& backend, const CompileOptions& options) {
  std::vector<std::string> failures;
  const auto note = [&failures](const Status& status) {
    if (!status.ok()) failures.push_back(status.message());
  };
  const std::vector<ConformanceCase> cases = conformance_cases();
  for (const ConformanceCase& test : cases) note(run_case(backend, options, test));
  const std::vector<ContractCheck> checks = contract_checks();
  for (const ContractCheck& check : checks) {
    note(check.check(backend, options).with_context(check.name));
  }
  if (failures.empty()) return {};
  return internal_error(fmt::format("{} of {} checks failed in {} on {} of {}:\n  {}",
                                    failures.size(), cases.size() + checks.size(),
                                    to_string(options.precision), options.device,
                                    backend.info().name, fmt::join(failures, "\n  ")));
}

}  // namespace accel::backend
