// Every number that the reference libraries recorded (tools/make_golden.py), computed again: the
// folders of tests/data/golden and tests/data/bert-feature, on every backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "accel/engine.h"
#include "base/files.h"
#include "models/tiny_bert.h"
#include "tensors/convert.h"
#include "tensors/safetensors.h"
#include "text/tokenizer.h"

namespace accel {
namespace {

namespace fs = std::filesystem;

constexpr float kTolerance = 1e-4F;  // on outputs of unit scale

fs::path data_folder(const std::string& name) { return fs::path(ACCEL_TEST_DATA) / name; }

// What the folder `name` has of "cases" or "embeddings".
Json entries_of(const std::string& name, const char* kind) {
  const auto json = read_json(data_folder(name) / "golden.json");
  if (!json.ok()) std::abort();
  Json entries = json->value(kind, Json::array());
  if (kind == std::string_view("embeddings") && json->contains("sentence_embedding")) {
    entries.push_back((*json)["sentence_embedding"]);
  }
  return entries;
}

// The folders that have any, sorted.
std::vector<std::string> folders_with(const char* kind) {
  std::vector<std::string> folders{"bert-feature"};
  for (const auto& entry : fs::directory_iterator(data_folder("golden"))) {
    folders.push_back("golden/" + entry.path().filename().string());
  }
  std::erase_if(folders, [&](const std::string& name) { return entries_of(name, kind).empty(); });
  std::ranges::sort(folders);
  return folders;
}

// The engine of all tests here; what it remembers goes with the process. It ends with the tests,
// not with the process: at exit, OpenVINO's statics would go while its threads still read them.
class SharedEngine : public testing::Environment {
 public:
  void SetUp() override {
    auto created = Engine::create({.cache_dir = cache_.path().string(), .probe = false});
    ASSERT_TRUE(created.ok()) << created.status().to_string();
    engine_ = std::move(*created);
  }
  void TearDown() override { engine_.reset(); }
  Engine& get() { return *engine_; }

 private:
  models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_;
};

// GoogleTest deletes it.
auto& shared_engine =
    static_cast<SharedEngine&>(*testing::AddGlobalTestEnvironment(new SharedEngine));

Engine& engine() { return shared_engine.get(); }

using Param = std::tuple<std::string, std::string>;  // folder, backend

class Folder : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    std::tie(name_, backend_) = GetParam();
    folder_ = data_folder(name_);
    const auto file = tensors::SafetensorsFile::open(folder_ / "golden.safetensors");
    ASSERT_TRUE(file.ok()) << file.status().to_string();
    tensors_ = file->tensors();
  }

  const Tensor& recorded(const Json& name) const {
    const Tensor* tensor = find(tensors_, name.get<std::string>());
    if (tensor == nullptr) std::abort();
    return *tensor;
  }

  // The folder as one entry of golden.json wants it, loaded once for all entries alike.
  std::shared_ptr<Model> model_for(const Json& entry, Use use) {
    const Json change{{"config", entry.value("config", Json())},
                      {"files", entry.value("files", Json())}};
    std::shared_ptr<Model>& model = models_[change.dump()];
    if (!model) {
      const auto loaded = engine().load({.path = changed(change).string(),
                                         .backend = backend_,
                                         .precision = Precision::kF32,
                                         .use = use});
      EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
      if (loaded.ok()) model = *loaded;
    }
    return model;
  }

  fs::path changed(const Json& change) {
    if (change["config"].is_null() && change["files"].is_null()) return folder_;
    const models::ScratchFolder& copy =
        *copies_.emplace_back(std::make_unique<models::ScratchFolder>());
    fs::copy(folder_, copy.path(), fs::copy_options::recursive);
    Json config = *read_json(folder_ / "config.json");
    if (change["config"].is_object()) config.update(change["config"]);
    copy.write("config.json", config);
    for (const auto& [name, content] : change["files"].items()) copy.write(name, content);
    return copy.path();
  }

  std::string name_;
  std::string backend_;
  fs::path folder_;
  NamedTensors tensors_;
  std::vector<std::unique_ptr<models::ScratchFolder>> copies_;
  std::map<std::string, std::shared_ptr<Model>> models_;
};

// The largest difference; with a mask [B, L], over the rows of [B, L, H] that it marks with 1.
float difference(const Tensor& found, const Tensor& expected, const Tensor* mask) {
  if (found.shape() != expected.shape()) return INFINITY;
  const auto a = found.data<float>();
  const auto b = expected.data<float>();
  const bool by_row = mask != nullptr && found.shape().size() == 3;
  const auto size = static_cast<size_t>(found.shape().back());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (by_row && mask->data<int64_t>()[i / size] != 1) continue;
    const float apart = std::abs(a[i] - b[i]);
    if (!(apart <= largest)) largest = apart;  // NaN is the largest of all
    if (std::isnan(largest)) break;
  }
  return largest;
}

std::string name_of(const testing::TestParamInfo<Param>& info) {
  std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

auto on_all_backends(const char* kind) {
  return testing::Combine(testing::ValuesIn(folders_with(kind)),
                          testing::Values("openvino", "reference"));
}

class GoldenEncoder : public Folder {};
class GoldenSentence : public Folder {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenEncoder, on_all_backends("cases"), name_of);
INSTANTIATE_TEST_SUITE_P(Golden, GoldenSentence, on_all_backends("embeddings"), name_of);

// row 35
// row 86 (partial: BERT)
TEST_P(GoldenEncoder, OutputsMatchTheReference) {
  for (const Json& entry : entries_of(name_, "cases")) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto model = model_for(entry, Use::kInfer);
    ASSERT_TRUE(model);
    NamedTensors inputs;
    for (const auto& [name, tensor] : entry["inputs"].items()) {
      inputs.push_back({name, recorded(tensor)});
    }
    const auto result = model->infer(inputs);
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_EQ(result->report.backend, backend_);
    EXPECT_EQ(result->report.precision, Precision::kF32);
    const Tensor* mask = entry.contains("note") ? find(inputs, "attention_mask") : nullptr;
    size_t expected = 0;
    for (const auto& [name, tensor] : entry["outputs"].items()) {
      if (name.starts_with("hidden_states")) continue;  // only on request
      ++expected;
      const Tensor* found = find(result->outputs, name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_LE(difference(*found, recorded(tensor), mask), kTolerance) << name;
    }
    EXPECT_EQ(result->outputs.size(), expected);
  }
}

// row 322 (partial: narrow integers for int64 inputs)
TEST_P(GoldenEncoder, NarrowIntegersGiveTheSameOutputs) {
  const Json entry = entries_of(name_, "cases")[0];
  const auto model = model_for(entry, Use::kInfer);
  ASSERT_TRUE(model);
  const auto run = [&](DType dtype) {
    NamedTensors inputs;
    for (const auto& [name, tensor] : entry["inputs"].items()) {
      inputs.push_back({name, *tensors::convert_dtype(recorded(tensor), dtype)});
    }
    const auto result = model->infer(inputs);
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    return result.ok() ? result->outputs : NamedTensors();
  };
  const NamedTensors wide = run(DType::kI64);
  ASSERT_FALSE(wide.empty());
  for (const DType dtype : {DType::kI32, DType::kU16, DType::kU32, DType::kI16}) {
    const NamedTensors narrow = run(dtype);
    ASSERT_EQ(narrow.size(), wide.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      EXPECT_EQ(difference(narrow[i].tensor, wide[i].tensor, nullptr), 0.0F) << to_string(dtype);
    }
  }
}

// row 35
TEST_P(GoldenSentence, EmbeddingsMatchTheReference) {
  for (const Json& entry : entries_of(name_, "embeddings")) {
    SCOPED_TRACE(entry.value("name", "sentence_embedding"));
    const auto model = model_for(entry, Use::kEmbed);
    ASSERT_TRUE(model);
    const EmbedOptions options{.prompt = entry.value("prompt", ""),
                               .dimensions = entry.value("dimensions", 0),
                               .normalize = entry.value("normalize", true)};
    const auto texts = entry["texts"].get<std::vector<std::string>>();
    const auto result = model->embed(texts, options);
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_LE(difference(result->embeddings, recorded(entry["tensor"]), nullptr), kTolerance);
    if (entry.contains("tokens")) {
      EXPECT_EQ(result->tokens, entry["tokens"].get<std::vector<int32_t>>());
    }
    // Company in a batch, and the padding that comes with it, change nothing.
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto alone = model->embed({texts[i]}, options);
      ASSERT_TRUE(alone.ok());
      const auto size = static_cast<size_t>(alone->embeddings.shape()[1]);
      const auto row = result->embeddings.data<float>().subspan(i * size, size);
      const Tensor together = Tensor::from<float>({1, static_cast<int64_t>(size)}, row);
      EXPECT_LE(difference(alone->embeddings, together, nullptr), kTolerance) << texts[i];
    }
  }
}

// The tokens that the reference tokenizer makes of the examples.
TEST(GoldenTokens, EqualTheReferences) {
  const fs::path folder = data_folder("bert-feature");
  const Json json = *read_json(folder / "golden.json");
  const auto tokenizer = text::Tokenizer::from_json(*read_file(folder / "tokenizer.json", 1 << 20));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const Json& examples = json["tokenizer"]["examples"];
  ASSERT_GT(examples.size(), 10u);
  for (const Json& example : examples) {
    const auto text = example["text"].get<std::string>();
    const auto encoding = (*tokenizer)->encode(text, {.tokens = true});
    ASSERT_TRUE(encoding.ok()) << text;
    EXPECT_EQ(encoding->ids, example["ids"].get<std::vector<int32_t>>()) << text;
    if (!example.contains("tokens")) continue;
    EXPECT_EQ(encoding->type_ids, example["type_ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(encoding->tokens, example["tokens"].get<std::vector<std::string>>()) << text;
  }
}

}  // namespace
}  // namespace accel
