// Arbitrary bytes as the JSON files of a model folder, separated by zero bytes in the order of
// kFiles. Whatever they say, opening and building ends soon, with a graph or a status; a graph has
// the outputs that it should have.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "models/model_folder.h"
#include "models/tiny_bert.h"

namespace {

using accel::models::ModelFolder;
using accel::models::ScratchFolder;

constexpr const char* kFiles[] = {"config.json",
                                  "modules.json",
                                  "1_Pooling/config.json",
                                  "sentence_bert_config.json",
                                  "config_sentence_transformers.json",
                                  "1_SpladePooling/config.json",
                                  "artifact.metadata"};
// More layers are built just the same, but slower than a fuzzer wants.
constexpr int64_t kLayersMost = 4;

void expect(bool holds) {
  if (!holds) std::abort();
}

// The parts that stay: weights of the tiny BERT, a dense layer and a layer norm that fit it.
const ScratchFolder& folder() {
  // In memory where the system offers it: a busy disk stalls for longer than a unit may take.
  static const int in_memory = ::setenv("TMPDIR", "/dev/shm", 0);
  expect(in_memory == 0);
  static const ScratchFolder scratch;
  static const bool written = [] {
    using accel::models::tiny_tensor;
    scratch.write_weights("model.safetensors",
                          accel::models::tiny_bert_weights(accel::models::tiny_bert_config()));
    scratch.write("2_Dense/config.json", {{"in_features", 8}, {"out_features", 5}});
    scratch.write_weights("2_Dense/model.safetensors", {{"linear.weight", tiny_tensor({5, 8}, "w")},
                                                        {"linear.bias", tiny_tensor({5}, "b")}});
    scratch.write("3_LayerNorm/config.json", {{"dimension", 5}});
    scratch.write_weights("3_LayerNorm/model.safetensors", {{"norm.weight", tiny_tensor({5}, "w")},
                                                            {"norm.bias", tiny_tensor({5}, "b")}});
    return true;
  }();
  expect(written);
  return scratch;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* file : kFiles) {
    const std::string_view text = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    std::error_code ignored;
    std::filesystem::remove(folder().path() / file, ignored);
    if (!text.empty()) folder().write(file, text);
  }
  static_cast<void>(accel::models::read_colbert_metadata(folder().path()).ok());
  const auto opened = ModelFolder::open(folder().path());
  if (!opened.ok() || (*opened)->facts().layers > kLayersMost) return 0;
  const auto own = (*opened)->build({});
  if (own.ok()) expect(!own->model->outputs().empty());
  const auto base = (*opened)->build({.head = accel::models::Head::kBase});
  if (base.ok()) expect(base->model->outputs()[0].get_any_name() == "last_hidden_state");
  const auto sentence = (*opened)->build({.sentence = true});
  if (sentence.ok()) {
    expect(sentence->model->outputs().size() == 1);
    const auto shape = sentence->model->output().get_partial_shape();
    const accel::models::SentenceModules& modules = (*opened)->sentence();
    const int64_t expected = modules.kind == accel::models::EmbeddingKind::kSparse
                                 ? (*opened)->facts().vocabulary
                                 : modules.embedding_size((*opened)->facts().hidden_size);
    expect(shape[shape.size() - 1].get_length() == expected);
  }
  return 0;
}
