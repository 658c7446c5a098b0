// Whatever stands in a config.json of OVMS, it is refused with the file's name, or every model that
// comes of it has a name, a place and a policy that chooses among versions.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

#include "ovms/config_file.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = accel::ovms::parse_config(text, "file");
  if (!read.ok()) {
    expect(read.status().message().starts_with("file: "));
    return 0;
  }
  for (const std::string& notice : read->notices) expect(notice.starts_with("file: "));
  const std::vector<int> present{1, 2, 3, 7};
  std::set<std::string> names;
  for (const accel::ovms::ModelEntry& model : read->models) {
    expect(names.insert(model.name).second && !model.name.empty() && !model.base_path.empty());
    expect(model.name.find(':') == std::string::npos);
    const auto chosen = accel::ovms::chosen_versions(model.policy, present);
    expect(chosen.size() <= present.size());
    if (model.policy.kind != accel::ovms::VersionPolicy::Kind::kSpecific) expect(!chosen.empty());
    for (const accel::ConfigSetting& setting : model.settings) {
      expect(!setting.key.empty() && setting.source.starts_with("file: "));
    }
  }
  return 0;
}
