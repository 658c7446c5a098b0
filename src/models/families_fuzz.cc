// Every family with a config.json that does not fit its weights: the bytes choose a folder of
// tests/data/golden and then, three at a time, a field of its config and what becomes of it.
// Whatever that gives, building ends soon, with a graph or a status.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "models/model_folder.h"
#include "models/tiny_bert.h"

namespace {

namespace fs = std::filesystem;
using accel::Json;
using accel::models::ModelFolder;
using accel::models::ScratchFolder;

// More layers are built just the same, but slower than a fuzzer wants.
constexpr int64_t kLayersMost = 8;

void expect(bool holds) {
  if (!holds) std::abort();
}

struct Subject {
  fs::path folder;  // a copy without config.json, whose weights are links
  Json config;
};

std::vector<Subject> gather() {
  // In memory where the system offers it: a busy disk stalls for longer than a unit may take.
  expect(::setenv("TMPDIR", "/dev/shm", 0) == 0);
  static const ScratchFolder scratch;
  std::vector<Subject> subjects;
  for (const auto& entry : fs::directory_iterator(fs::path(ACCEL_TEST_DATA) / "golden")) {
    auto config = accel::read_json(entry.path() / "config.json");
    if (!config.ok()) continue;
    Subject subject{scratch.path() / entry.path().filename(), std::move(*config)};
    fs::create_directories(subject.folder);
    for (const auto& file : fs::directory_iterator(entry.path())) {
      const std::string name = file.path().filename().string();
      if (name.starts_with("golden.") || name == "config.json") continue;
      fs::create_symlink(file.path(), subject.folder / name);
    }
    subjects.push_back(std::move(subject));
  }
  std::ranges::sort(subjects, {}, &Subject::folder);
  expect(!subjects.empty());
  return subjects;
}

// What becomes of a field; `other` is another field's value.
Json changed(const Json& own, uint8_t kind, uint8_t number, const Json& other) {
  switch (kind % 16) {
    case 0: return 0;
    case 1: return -1;
    case 2: return number;
    case 3: return int64_t{1} << (number % 63);
    case 4: return number / 64.0;
    case 5: return 1e300;
    case 6: return number % 2 == 0;
    case 7: return nullptr;
    case 8: return std::string(number % 8, 'a');
    case 9: return Json::array();
    case 10: return Json::object();
    case 11: return Json::array({number, number / 2, -1});
    case 12: return Json::array({own, other});
    case 13: return own.is_number() ? Json(2 * own.get<double>()) : own;
    case 14: return own.is_number_integer() ? Json(own.get<int64_t>() + 1) : own;
    default: return other;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<Subject> subjects = gather();
  if (size < 4) return 0;
  const std::span<const uint8_t> bytes(data, size);
  const Subject& subject = subjects[bytes[0] % subjects.size()];
  Json config = subject.config;
  const Json leaves = config.flatten();
  std::vector<std::string> paths;
  for (const auto& leaf : leaves.items()) paths.push_back(leaf.key());
  for (size_t i = 1; i + 2 < std::min<size_t>(size, 13); i += 3) {
    const std::string& path = paths[bytes[i] % paths.size()];
    const Json& other = leaves[paths[(bytes[i] + bytes[i + 2]) % paths.size()]];
    const Json::json_pointer pointer(path);
    if (!config.contains(pointer)) continue;  // an earlier change took its place
    config[pointer] = changed(config[pointer], bytes[i + 1], bytes[i + 2], other);
  }
  std::ofstream(subject.folder / "config.json") << config;

  const auto opened = ModelFolder::open(subject.folder);
  if (!opened.ok() || (*opened)->facts().layers > kLayersMost) return 0;
  const auto own = (*opened)->build({});
  if (own.ok()) expect(!own->model->outputs().empty());
  const auto states = (*opened)->build({.head = accel::models::Head::kBase, .hidden_states = true});
  if (states.ok()) expect(!states->model->outputs().empty());
  (void)(*opened)->tokenizer_json();
  return 0;
}
