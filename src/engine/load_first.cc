#include "engine/load_first.h"

#include <fmt/format.h>

#include <optional>

namespace accel::engine {

Result<std::shared_ptr<Model>> load_first(std::span<const runtime::Candidate> candidates,
                                          const LoadOn& load) {
  const runtime::Candidate* asked = nullptr;
  Status error;            // of `asked`
  std::string afterwards;  // what came of fallbacks
  for (std::optional<size_t> at = 0; at;) {
    const runtime::Candidate& one = candidates[*at];
    std::string reason;
    if (!one.asked) {
      reason = fmt::format("{} instead of {}: {}{}", describe(one), describe(*asked),
                           error.message(), afterwards);
    }
    Result<std::shared_ptr<Model>> model = load(one, reason);
    if (model.ok()) return model;
    if (one.asked) {
      asked = &one;
      error = model.status();
    } else {
      afterwards += fmt::format("; {}: {}", describe(one), model.status().message());
    }
    at = runtime::next_candidate(candidates, *at, model.status());
  }
  if (afterwards.empty()) return error;
  return Status(error.code(), error.message() + "; no fallback helped" + afterwards);
}

}  // namespace accel::engine
