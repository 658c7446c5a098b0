#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "hub/file_names.h"
#include "hub/repository.h"

namespace accel::hub {
namespace {

constexpr size_t kNamesShown = 12;

// What a file is for. The forms of weights stand first, the best in front.
enum class Role : uint8_t { kSafetensors, kTorch, kGguf, kIr, kOnnx, kSettings, kUnneeded };

constexpr std::array<std::string_view, 5> kFormNames{"safetensors", "PyTorch", "GGUF",
                                                     "OpenVINO IR", "ONNX"};

constexpr std::array<std::string_view, 13> kSettingsSuffixes{
    ".json", ".txt",   ".model", ".jinja",    ".jsonl", ".spm", ".bpe",
    ".yaml", ".vocab", ".vec",   ".tiktoken", ".proto", ".yml"};

// Of training, of other tools, for people.
constexpr std::array<std::string_view, 9> kUnneededNames{
    "training_args.json", "trainer_state.json",   "all_results.json",
    "eval_results.json",  "train_results.json",   "training_args.bin",
    "requirements.txt",   "predict_results.json", "optimizer.bin"};

std::string_view folder_of(std::string_view name) {
  const size_t at = name.rfind('/');
  return at == std::string_view::npos ? "" : name.substr(0, at);
}

std::string_view base_of(std::string_view name) {
  const size_t at = name.rfind('/');
  return at == std::string_view::npos ? name : name.substr(at + 1);
}

bool any_suffix(std::string_view name, std::span<const std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [&](std::string_view one) { return name.ends_with(one); });
}

// Which names a repository has: some roles depend on what lies beside a file.
class Names {
 public:
  explicit Names(const Listing& listing) : files_(listing.files) {}
  bool contain(std::string_view name) const {
    const auto found = std::ranges::lower_bound(
        files_, name, {}, [](const RepositoryFile& file) { return std::string_view(file.name); });
    return found != files_.end() && found->name == name;
  }

 private:
  const std::vector<RepositoryFile>& files_;
};

// External data of an ONNX model: "model.onnx_data", "model.onnx.data".
bool is_onnx_data(std::string_view name, const Names& names) {
  const size_t at = name.rfind(".onnx");
  return at != std::string_view::npos && names.contain(name.substr(0, at + 5));
}

// Folders of exports for one engine.
bool is_export(std::string_view folder) {
  const std::string_view top = folder.substr(0, folder.find('/'));
  return top == "onnx" || top == "openvino";
}

// Folders that hold the same again for other programs.
bool is_foreign(std::string_view folder) {
  constexpr std::array<std::string_view, 6> kForeign{"coreml", "flax", "original",
                                                     "runs",   "tf",   "tflite"};
  return std::ranges::find(kForeign, folder.substr(0, folder.find('/'))) != kForeign.end();
}

Role role_of(std::string_view name, const Names& names) {
  const std::string_view base = base_of(name);
  const std::string_view folder = folder_of(name);
  if (is_foreign(folder)) return Role::kUnneeded;
  if (base.front() == '.' || std::ranges::find(kUnneededNames, base) != kUnneededNames.end()) {
    return Role::kUnneeded;
  }
  if (name.ends_with(".safetensors")) return Role::kSafetensors;
  if (name.ends_with(".gguf")) return Role::kGguf;
  if (name.ends_with(".onnx") || is_onnx_data(name, names)) return Role::kOnnx;
  if (name.ends_with(".xml")) return Role::kIr;
  if (name.ends_with(".bin")) {
    const std::string graph = std::string(name.substr(0, name.size() - 4)) + ".xml";
    if (names.contain(graph)) return Role::kIr;
    if (!is_export(folder)) return Role::kTorch;
    return folder.starts_with("onnx") ? Role::kOnnx : Role::kIr;
  }
  if (base.starts_with("LICENSE") || base.starts_with("NOTICE")) return Role::kSettings;
  return any_suffix(base, kSettingsSuffixes) ? Role::kSettings : Role::kUnneeded;
}

// "model.safetensors.index.json" belongs to the safetensors, "pytorch_model.bin.index.json" to
// PyTorch's.
Role index_role(std::string_view name, Role role) {
  if (name.ends_with(".safetensors.index.json")) return Role::kSafetensors;
  if (name.ends_with(".bin.index.json")) return Role::kTorch;
  const bool other = name.ends_with(".index.json") || name.ends_with(".msgpack.json");
  return other ? Role::kUnneeded : role;
}

// "model.fp16.safetensors" beside "model.safetensors", and a second set of the same weights under
// its maker's own name beside the one that the Hub's libraries read.
bool is_second_set(std::string_view name, const Names& names) {
  const std::string_view base = base_of(name);
  const std::string folder(name.substr(0, name.size() - base.size()));
  const bool usual = names.contain(folder + "model.safetensors") ||
                     names.contain(folder + "model.safetensors.index.json");
  if (base.starts_with("consolidated")) return usual;
  for (const std::string_view variant : {".fp16.", ".bf16.", ".fp32.", ".non_ema."}) {
    const size_t at = base.find(variant);
    if (at == std::string_view::npos) continue;
    const std::string plain = folder + std::string(base.substr(0, at)) +
                              std::string(base.substr(at + variant.size() - 1));
    if (names.contain(plain)) return true;
  }
  return false;
}

// Sentence transformers keep an IR beside its quantised one, ONNX exports several of one graph: of
// a folder's graphs the plainly named one is enough.
bool is_spare_graph(std::string_view name, const Names& names) {
  const std::string_view base = base_of(name);
  const std::string folder(name.substr(0, name.size() - base.size()));
  if (names.contain(folder + "model.onnx") && base.find(".onnx") != std::string_view::npos) {
    return !base.starts_with("model.onnx");
  }
  if (names.contain(folder + "openvino_model.xml")) {
    return base.starts_with("openvino_model_") || base.starts_with("openvino_model.qint");
  }
  return false;
}

struct Sorted {
  std::vector<Role> roles;  // of the listing's files
  std::optional<Role> form;
};

Sorted sort_files(const Listing& listing) {
  const Names names(listing);
  Sorted sorted;
  std::map<std::string_view, Role, std::less<>> best;  // of each folder with safetensors or PyTorch
  for (const RepositoryFile& file : listing.files) {
    Role role = index_role(file.name, role_of(file.name, names));
    if (role <= Role::kTorch && is_second_set(file.name, names)) role = Role::kUnneeded;
    if ((role == Role::kIr || role == Role::kOnnx) && is_spare_graph(file.name, names)) {
      role = Role::kUnneeded;
    }
    sorted.roles.push_back(role);
    if (role >= Role::kSettings) continue;
    if (!sorted.form || role < *sorted.form) sorted.form = role;
    const auto [at, added] = best.emplace(folder_of(file.name), role);
    at->second = std::min(at->second, role);
  }
  for (size_t i = 0; i < sorted.roles.size(); ++i) {
    Role& role = sorted.roles[i];
    if (role >= Role::kSettings) continue;
    // PyTorch's stay where a folder has no better ones: "2_Dense/pytorch_model.bin".
    const Role wanted = *sorted.form <= Role::kTorch
                            ? std::min(best.at(folder_of(listing.files[i].name)), Role::kTorch)
                            : *sorted.form;
    if (role != wanted) role = Role::kUnneeded;
  }
  return sorted;
}

// Settings of exports that were not chosen stay away: "onnx/config.json".
bool is_in_unused_export(std::string_view name, const Sorted& sorted, const Listing& listing) {
  const std::string_view folder = folder_of(name);
  if (!is_export(folder)) return false;
  for (size_t i = 0; i < listing.files.size(); ++i) {
    if (sorted.roles[i] < Role::kSettings && folder_of(listing.files[i].name) == folder) {
      return false;
    }
  }
  return true;
}

std::string names_text(const std::vector<std::string_view>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

Status nothing_chosen(const Listing& listing, bool by_policy) {
  std::vector<std::string_view> names;
  for (const RepositoryFile& file : listing.files) names.emplace_back(file.name);
  if (names.empty()) return not_found("the repository has no files");
  if (!by_policy) {
    return not_found("no file fits the patterns; there are: " + names_text(names));
  }
  return not_found(fmt::format(
      "expected weights as safetensors, PyTorch's .bin, GGUF, OpenVINO IR or ONNX, found only: {}; "
      "--include PATTERN or --all takes them all the same",
      names_text(names)));
}

// One GGUF file is one model: of several, the user has one in mind.
Status check_one_gguf(const std::vector<RepositoryFile>& files) {
  std::vector<std::string_view> names;
  for (const RepositoryFile& file : files) {
    const bool split = file.name.find("-of-") != std::string::npos;
    if (file.name.ends_with(".gguf") && !split) names.emplace_back(file.name);
  }
  if (names.size() <= 1) return {};
  return failed_precondition(fmt::format(
      "expected one GGUF file, found {}: {}; say which by --include, for example --include '{}'",
      names.size(), names_text(names), names.front()));
}

}  // namespace

Result<Choice> choose_files(const Listing& listing, const Selection& selection) {
  const bool by_policy = !selection.all && selection.include.empty();
  const Sorted sorted = by_policy ? sort_files(listing) : Sorted{};
  const auto wanted = [&](size_t i) {
    const std::string& name = listing.files[i].name;
    if (matches_any(selection.exclude, name)) return false;
    if (!by_policy) return selection.all || matches_any(selection.include, name);
    if (sorted.roles[i] == Role::kUnneeded) return false;
    return sorted.roles[i] != Role::kSettings || !is_in_unused_export(name, sorted, listing);
  };
  Choice choice;
  bool weights = false;
  for (size_t i = 0; i < listing.files.size(); ++i) {
    const RepositoryFile& file = listing.files[i];
    if (!wanted(i)) {
      choice.skipped += 1;
      choice.bytes_skipped += file.size;
      continue;
    }
    weights = weights || (by_policy && sorted.roles[i] < Role::kSettings);
    choice.bytes += file.size;
    choice.files.push_back(file);
  }
  if (choice.files.empty() || (by_policy && !weights && selection.exclude.empty())) {
    return nothing_chosen(listing, by_policy);
  }
  if (by_policy && sorted.form) {
    choice.weights = kFormNames[static_cast<size_t>(*sorted.form)];
    if (*sorted.form == Role::kGguf) {
      if (const Status one = check_one_gguf(choice.files); !one.ok()) return one;
    }
  }
  return choice;
}

}  // namespace accel::hub
