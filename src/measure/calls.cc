// The two ways of asking a model.
#include <string>
#include <utility>

#include "base/try.h"
#include "measure/runner.h"

namespace accel::measure {

Call embed_call(Model& model, EmbedOptions options) {
  return [&model, options](std::span<const TaskInput> items) -> Result<Reply> {
    std::vector<std::string> texts;
    texts.reserve(items.size());
    for (const TaskInput& item : items) texts.push_back(item.text);
    ACCEL_ASSIGN(EmbedResult result, model.embed(texts, options));
    Reply reply{.prepare = result.times.tokenize,
                .infer = result.times.infer,
                .padded_tokens = result.padded_tokens,
                .report = std::move(result.report)};
    for (const int32_t tokens : result.tokens) reply.tokens += static_cast<uint64_t>(tokens);
    return reply;
  };
}

Call run_call(Model& model, RunOptions options) {
  return [&model, options](std::span<const TaskInput> items) -> Result<Reply> {
    ACCEL_ASSIGN(RunResult result, model.run({items.begin(), items.end()}, options));
    for (const Result<TaskResult>& item : result.items) ACCEL_TRY(item.status());
    return Reply{.prepare = result.times.prepare,
                 .infer = result.times.infer,
                 .finish = result.times.finish,
                 .report = std::move(result.report)};
  };
}

}  // namespace accel::measure
