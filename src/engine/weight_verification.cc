#include "engine/weight_verification.h"

#include <variant>

#include "base/try.h"
#include "models/checkpoint.h"
#include "tensors/non_finite.h"

namespace accel::engine {
namespace {

constexpr uint64_t kReleaseBytes = uint64_t{64} << 20;  // of pages kept until released

Status verify(const models::Checkpoint& checkpoint, VerifyReport& report) {
  ACCEL_TRY(checkpoint.check_checksums());
  const auto mappings = checkpoint.mappings();
  uint64_t touched = 0;
  for (const models::Checkpoint::Entry& entry : checkpoint.entries()) {
    const Tensor tensor = checkpoint.tensor(entry);
    const tensors::NonFinite found = tensors::count_non_finite(tensor);
    ++report.tensors;
    report.elements += tensor.count();
    if (found.nan + found.infinite > 0) {
      report.damaged.push_back({mappings[entry.file]->path().string(), entry.name, entry.dtype,
                                entry.shape, found.nan, found.infinite});
    }
    touched += tensor.byte_size();
    if (touched < kReleaseBytes) continue;
    mappings[entry.file]->release_pages();
    touched = 0;
  }
  return {};
}

}  // namespace

Result<VerifyReport> verify_weights(const models::ModelFolder& folder) {
  if (folder.foreign() != nullptr) {
    return unimplemented(folder.path().string() +
                         ": the weights of checkpoints and GGUF files are read one by one; this is "
                         "a graph of another framework");
  }
  VerifyReport report;
  ACCEL_TRY(verify(folder.checkpoint(), report));
  for (const models::SentenceModule& module : folder.sentence().chain) {
    const auto& where = std::visit(
        [](const auto& each) -> const std::filesystem::path& { return each.folder; }, module);
    if (where == folder.sentence().transformer) continue;  // looked at
    ACCEL_ASSIGN(const models::Checkpoint checkpoint, models::Checkpoint::open(where));
    ACCEL_TRY(verify(checkpoint, report));
  }
  return report;
}

}  // namespace accel::engine
