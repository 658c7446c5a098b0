// Whatever stands in a file of options, it is refused with the file's name, or every value is one
// that its option takes, and loading options come of it.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "config/merge.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check_values(const accel::config::Values& values) {
  for (const auto& [key, value] : values) {
    const accel::config::Option* option = accel::config::find_option(key);
    expect(option != nullptr && value.source.starts_with("file:"));
    const auto again = accel::config::canonical(*option, value.text);
    expect(value.text.empty() || (again.ok() && *again == value.text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto layer = accel::config::layer_of_file(text, "file");
  if (!layer.ok()) {
    expect(layer.status().message().starts_with("file:"));
    return 0;
  }
  check_values(layer->all);
  std::vector<std::string> models{""};
  for (const auto& [model, values] : layer->models) {
    check_values(values);
    models.push_back(model);
  }
  const std::vector<accel::config::Layer> layers{std::move(*layer)};
  for (const std::string& model : models) {
    const auto effective = accel::config::merge(layers, model);
    expect(effective.size() == accel::config::options().size());
    const accel::LoadOptions options = accel::config::load_options_of(effective, model);
    expect(!options.path.empty() && !options.device.empty());
    for (const auto& one : effective) (void)accel::config::note_of(effective, one);
  }
  return 0;
}
