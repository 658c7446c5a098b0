#include "cli/model_flags.h"

#include <fmt/format.h>

#include "base/try.h"

namespace accel::cli {
namespace {

constexpr int64_t kThreadsMax = 4096;

Status check_count(std::string_view name, int64_t number) {
  if (number <= kThreadsMax) return {};
  return invalid_argument(
      fmt::format("{}: expected at most {}, found {}", name, kThreadsMax, number));
}

}  // namespace

void ModelFlags::declare(Flags& flags) {
  flags.argument("MODEL", &model, "a model folder: config.json, model.safetensors, tokenizer.json");
  flags.text("--precision", "auto|f32|bf16|f16", &precision,
             "arithmetic, in any usual spelling; auto is the fastest measured on this machine that "
             "keeps the answers, and f32 until measured (default auto)");
  flags.choice("--backend", &backend, {"openvino", "reference"},
               "what computes; reference is slow and made to check the other (default openvino)");
  flags.text("--device", "NAME", &device, "one of those that accel devices lists (default CPU)");
  flags.number("--streams", &streams, "batches in flight; 0 chooses (default 0)");
  flags.number("--threads", &threads,
               "of all streams together; 0 takes what this process may use (default 0)");
}

Result<LoadOptions> ModelFlags::load_options() const {
  ACCEL_TRY(check_count("--streams", streams));
  ACCEL_TRY(check_count("--threads", threads));
  const auto parsed = parse_precision(precision);
  if (!parsed.ok()) return parsed.status().with_context("--precision");
  return LoadOptions{.path = model,
                     .backend = backend,
                     .device = device,
                     .precision = *parsed,
                     .streams = static_cast<int>(streams),
                     .threads = static_cast<int>(threads)};
}

}  // namespace accel::cli
