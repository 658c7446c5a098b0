// Graphs that other tools exported (tools/make_foreign.py): the numbers that the reference recorded
// for the checkpoints they were made from, through every front end. Their answers to tasks are in
// answers_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "accel/engine.h"
#include "base/files.h"
#include "base/json.h"
#include "models/tiny_bert.h"
#include "tensors/safetensors.h"

namespace accel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr float kTolerance = 1e-4F;  // on outputs of unit scale, as for the checkpoints

fs::path data_folder(const std::string& name) { return fs::path(ACCEL_TEST_DATA) / name; }
fs::path foreign_folder(const std::string& name) { return data_folder("foreign") / name; }

const Json& index_of_graphs() {
  static const Json index = *read_json(foreign_folder("index.json"));
  return index;
}

std::vector<std::string> names_of(const char* kind) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : index_of_graphs().at(kind).items()) names.push_back(name);
  return names;
}

bool holds_weights(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("model") || name.ends_with(".bin") || name.starts_with("golden");
}

// The largest difference; with a mask [B, L], over the rows of [B, L, ..] that it marks with 1.
float difference(const Tensor& found, const Tensor& expected, const Tensor* mask = nullptr) {
  if (found.shape() != expected.shape()) return INFINITY;
  const bool by_row = mask != nullptr && found.shape().size() >= 2 &&
                      std::equal(mask->shape().begin(), mask->shape().end(), found.shape().begin());
  const int64_t size = by_row ? found.count() / mask->count() : 1;
  float largest = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(found.count()); ++i) {
    const auto at = static_cast<size_t>(i);
    if (by_row && mask->data<int64_t>()[static_cast<size_t>(i / size)] != 1) continue;
    const float apart = std::abs(found.data<float>()[at] - expected.data<float>()[at]);
    if (!(apart <= largest)) largest = apart;  // NaN is the largest of all
  }
  return largest;
}

// The engine ends with each test: at exit, OpenVINO's statics would go while its threads still run.
class Foreign : public testing::TestWithParam<std::string> {
 protected:
  // What belongs to a graph beside it: config.json, tokenizer, preprocessor; of `weights` the
  // checkpoint too.
  void put_settings(const fs::path& golden, bool weights) const {
    for (const auto& file : fs::recursive_directory_iterator(golden)) {
      const fs::path below = file.path().lexically_relative(golden);
      if (!file.is_regular_file() || file.path().filename().string().starts_with("golden"))
        continue;
      if (!weights && holds_weights(below)) continue;
      fs::create_directories((folder_.path() / below).parent_path());
      fs::copy_file(file.path(), folder_.path() / below);
    }
  }
  void put_graph(const std::string& name) const {
    for (const auto& file : fs::directory_iterator(foreign_folder(name))) {
      fs::copy_file(file.path(), folder_.path() / file.path().filename());
    }
  }
  std::shared_ptr<Model> load(const fs::path& path, Use use, UseOptimum use_optimum = {},
                              const std::string& task = {}) const {
    auto loaded = engine_->load({.path = path.string(),
                                 .precision = Precision::kF32,
                                 .streams = 1,
                                 .task = task,
                                 .use = use,
                                 .use_optimum = use_optimum});
    EXPECT_TRUE(loaded.ok()) << loaded.status().to_string();
    return loaded.ok() ? *loaded : nullptr;
  }

  const models::ScratchFolder folder_;
  const models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_ =
      std::move(*Engine::create({.cache_dir = cache_.path().string(), .probe = false}));
};

class ForeignExport : public Foreign {};
class ForeignDense : public Foreign {};

void expect_recorded(Model& model, const fs::path& golden) {
  const Json recorded = *read_json(golden / "golden.json");
  const auto tensors = tensors::SafetensorsFile::open(golden / "golden.safetensors");
  ASSERT_TRUE(tensors.ok());
  const NamedTensors all = tensors->tensors();
  int compared = 0;
  for (const Json& entry : recorded.at("cases")) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    NamedTensors inputs;
    bool complete = true;
    for (const auto& [name, tensor] : entry["inputs"].items()) {
      const auto port = std::ranges::find(model.report().inputs, name, &PortReport::name);
      complete = complete && port != model.report().inputs.end();
      inputs.push_back({name, *find(all, tensor.get<std::string>())});
    }
    if (!complete) continue;  // padding of sounds that this export does not take
    const auto result = model.infer(inputs);
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    const bool masked = entry.value("note", "").find("attention_mask==1 only") != std::string::npos;
    const Tensor* mask = masked ? find(inputs, "attention_mask") : nullptr;
    for (const NamedTensor& output : result->outputs) {
      ASSERT_TRUE(entry["outputs"].contains(output.name)) << output.name;
      const Tensor* expected = find(all, entry["outputs"][output.name].get<std::string>());
      EXPECT_LE(difference(output.tensor, *expected, mask), kTolerance) << output.name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

TEST_P(ForeignExport, ComputesWhatItsCheckpointDoes) {
  const Json& entry = index_of_graphs().at("exported").at(GetParam());
  const fs::path golden = data_folder(entry.at("from"));
  put_settings(golden, false);
  put_graph(GetParam());
  const auto model = load(folder_.path(), Use::kInfer);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->report().source, entry.at("source").get<std::string>());
  EXPECT_EQ(model->report().family,
            read_json(golden / "config.json")->at("model_type").get<std::string>());
  expect_recorded(*model, golden);
}

std::string word(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, ForeignExport, testing::ValuesIn(names_of("exported")), word);

TEST_P(ForeignDense, ComputesWhatItSays) {
  const Json& entry = index_of_graphs().at("dense").at(GetParam());
  const auto rows = [](const Json& json) {
    std::vector<float> numbers;
    for (const Json& row : json) {
      for (const Json& number : row) numbers.push_back(number.get<float>());
    }
    const auto count = static_cast<int64_t>(json.size());
    return Tensor::from<float>({count, static_cast<int64_t>(numbers.size()) / count}, numbers);
  };
  const auto model = load(foreign_folder(GetParam()), Use::kInfer);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->report().source, entry.at("source").get<std::string>());
  EXPECT_EQ(model->report().parameters, 67u);
  const auto result =
      model->infer({{entry.at("input").get<std::string>(), rows(index_of_graphs().at("x"))}});
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  ASSERT_EQ(result->outputs.size(), 1u);
  EXPECT_EQ(result->outputs[0].name, entry.at("output").get<std::string>());
  EXPECT_LE(difference(result->outputs[0].tensor, rows(index_of_graphs().at("y"))), 1e-5F);
  EXPECT_EQ(result->report.source, entry.at("source").get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Golden, ForeignDense, testing::ValuesIn(names_of("dense")), word);

// Sentence embeddings: the folder's pooling on top of a graph's states.
class ForeignSentences : public Foreign {};
INSTANTIATE_TEST_SUITE_P(Golden, ForeignSentences,
                         testing::Values(std::string("bert-feature-ir"),
                                         std::string("bert-feature-onnx")),
                         word);

// rows 90 and 93
TEST_P(ForeignSentences, AreThoseOfTheCheckpoint) {
  put_settings(data_folder("bert-feature"), true);
  put_graph(GetParam());
  const std::vector<std::string> texts{"one text", "and another one, which is longer", ""};
  const auto native = load(folder_.path(), Use::kEmbed, UseOptimum::kFalse);
  const auto graph = load(folder_.path(), Use::kEmbed, UseOptimum::kTrue);
  ASSERT_TRUE(native && graph);
  const auto expected = native->embed(texts);
  const auto found = graph->embed(texts);
  ASSERT_TRUE(expected.ok() && found.ok()) << found.status().to_string();
  EXPECT_LE(difference(found->embeddings, expected->embeddings), kTolerance);
  EXPECT_EQ(expected->report.source, "native");
  EXPECT_NE(found->report.source, "native");
  const auto raw = graph->embed(texts, {.normalize = false});
  ASSERT_TRUE(raw.ok()) << raw.status().to_string();
  EXPECT_LE(difference(raw->embeddings, native->embed(texts, {.normalize = false})->embeddings),
            kTolerance);
  // No flag: the checkpoint, and without it the graph.
  EXPECT_EQ(load(folder_.path(), Use::kEmbed)->report().source, "native");
  fs::remove(folder_.path() / "model.safetensors");
  const auto alone = load(folder_.path(), Use::kEmbed);
  EXPECT_EQ(alone->report().source, found->report.source);
  EXPECT_LE(difference(alone->embed(texts)->embeddings, expected->embeddings), kTolerance);
}

// row 91
TEST_F(Foreign, WithoutOptimumAnOnnxExportStillRuns) {
  put_settings(data_folder("bert-feature"), false);
  put_graph("bert-feature-ir");
  const auto refused = engine_->describe(folder_.path().string(), UseOptimum::kFalse).status();
  EXPECT_EQ(refused.code(), StatusCode::kNotFound) << refused.to_string();
  EXPECT_THAT(refused.message(), HasSubstr("--use-optimum"));
  put_graph("bert-feature-onnx");
  EXPECT_EQ(load(folder_.path(), Use::kInfer)->report().source, "openvino-ir");
  const auto model = load(folder_.path(), Use::kInfer, UseOptimum::kFalse);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->report().source, "onnx");
  expect_recorded(*model, data_folder("bert-feature"));
}

TEST_F(Foreign, OptionalInputsThatTheGraphWantsAreFilled) {
  put_settings(data_folder("bert-feature"), false);
  put_graph("bert-feature-onnx");
  const auto model = load(folder_.path(), Use::kInfer);
  ASSERT_TRUE(model);
  const auto rows = [](const std::vector<int64_t>& values) {
    return Tensor::from<int64_t>({1, static_cast<int64_t>(values.size())}, values);
  };
  const Tensor ids = rows({2, 50, 60, 3});
  const Tensor ones = rows({1, 1, 1, 1});
  const Tensor zeros = rows({0, 0, 0, 0});
  const auto all =
      model->infer({{"input_ids", ids}, {"attention_mask", ones}, {"token_type_ids", zeros}});
  const auto least = model->infer({{"input_ids", ids}});
  const auto other = model->infer({{"input_ids", ids}, {"token_type_ids", ones}});
  ASSERT_TRUE(all.ok() && least.ok() && other.ok()) << least.status().to_string();
  EXPECT_EQ(difference(least->outputs[0].tensor, all->outputs[0].tensor), 0);
  EXPECT_GT(difference(other->outputs[0].tensor, all->outputs[0].tensor), 0.01F);
  // Row numbers beyond the graph's own table would be read past its end.
  const auto beyond = model->infer({{"input_ids", rows({100000})}});
  EXPECT_EQ(beyond.status().code(), StatusCode::kOutOfRange);
}

TEST_F(Foreign, OptimumWithoutAGraphSaysHowToExportOne) {
  const auto status =
      engine_->describe(data_folder("bert-feature").string(), UseOptimum::kTrue).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("optimum-cli export openvino"));
}

TEST_F(Foreign, WithoutAConfigItHasItsOwnNames) {
  put_graph("vit-imgcls-onnx");
  const auto report = engine_->describe((folder_.path() / "model.onnx").string());
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_EQ(report->family, "");
  EXPECT_TRUE(report->tasks.empty());
  ASSERT_EQ(report->inputs.size(), 1u);
  EXPECT_EQ(report->inputs[0].name, "inputs");
  EXPECT_EQ(report->outputs[0].name, "Output_0");
}

}  // namespace
}  // namespace accel
