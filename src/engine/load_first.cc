#include "engine/load_first.h"

#include <optional>
#include <string>

namespace accel::engine {

Result<std::shared_ptr<Model>> load_first(std::span<const runtime::Candidate> candidates,
                                          const LoadOn& load) {
  runtime::Attempts attempts;
  for (std::optional<size_t> at = 0; at;) {
    const runtime::Candidate& one = candidates[*at];
    Result<std::shared_ptr<Model>> model =
        load(one, one.asked ? std::string() : attempts.reason(one));
    if (model.ok()) return model;
    attempts.failed(one, model.status());
    at = runtime::next_candidate(candidates, *at, model.status());
  }
  return attempts.error();
}

}  // namespace accel::engine
