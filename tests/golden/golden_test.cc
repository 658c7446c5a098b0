// Every number that the reference libraries recorded (tools/make_golden.py), computed again: the
// folders of tests/data/golden and tests/data/bert-feature, on every backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "accel/engine.h"
#include "backends/openvino/openvino_backend.h"
#include "base/files.h"
#include "hardware/acceleration_switch.h"
#include "models/model_folder.h"
#include "models/tiny_bert.h"
#include "tensors/convert.h"
#include "tensors/safetensors.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace accel {
namespace {

namespace fs = std::filesystem;

constexpr float kTolerance = 1e-4F;  // on outputs of unit scale

// What an output of `entry` may be off: of the reference's own rounding, a small multiple.
float tolerance(const Json& entry, const std::string& output) {
  const double own = entry.value("f32_vs_f64_max_abs", Json::object()).value(output, 0.0);
  return std::max(kTolerance, static_cast<float>(20 * own));
}

// The reference backend has no convolutions and the like, and says so.
bool beyond_the_reference_backend(const Status& status) {
  return status.code() == StatusCode::kUnimplemented &&
         status.message().find("the reference backend cannot compute") != std::string::npos;
}

// The mask whose rows alone count for `output`, as the entry's note says; none: all count.
const Tensor* mask_of(const Json& entry, const std::string& output, const NamedTensors& inputs) {
  const std::string note = entry.value("note", "");
  if (note.find("attention_mask==1 only") == std::string::npos) return nullptr;
  const bool encoder_only = note.find("encoder positions") != std::string::npos;
  return encoder_only && !output.starts_with("encoder") ? nullptr : find(inputs, "attention_mask");
}

fs::path data_folder(const std::string& name) { return fs::path(ACCEL_TEST_DATA) / name; }

// The golden.json of the folder `name`, read once.
const Json& golden_of(const std::string& name) {
  static std::map<std::string, Json> known;
  const auto [it, added] = known.try_emplace(name);
  if (added) {
    auto json = read_json(data_folder(name) / "golden.json");
    if (!json.ok()) std::abort();
    it->second = std::move(*json);
  }
  return it->second;
}

// What the folder `name` has of "cases", "embeddings" or "tokenizer".
Json entries_of(const std::string& name, const char* kind) {
  const Json& json = golden_of(name);
  Json entries = json.value(kind, Json::array());
  if (kind == std::string_view("embeddings") && json.contains("sentence_embedding")) {
    entries.push_back(json["sentence_embedding"]);
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
    if (backend_ != "reference" && !hardware::read_acceleration_switch().enabled) {
      GTEST_SKIP() << "acceleration is switched off";
    }
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

  NamedTensors inputs_of(const Json& entry) const {
    NamedTensors inputs;
    for (const auto& [name, tensor] : entry["inputs"].items()) {
      inputs.push_back({name, recorded(tensor)});
    }
    return inputs;
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
      unsupported_ = beyond_the_reference_backend(loaded.status());
      EXPECT_TRUE(loaded.ok() || unsupported_) << loaded.status().to_string();
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
  bool unsupported_ = false;  // the model for the last entry, on this backend
  fs::path folder_;
  NamedTensors tensors_;
  std::vector<std::unique_ptr<models::ScratchFolder>> copies_;
  std::map<std::string, std::shared_ptr<Model>> models_;
};

// The largest difference; with a mask [B, L], over the rows of [B, L] or [B, L, H] that it marks
// with 1.
float difference(const Tensor& found, const Tensor& expected, const Tensor* mask) {
  if (found.shape() != expected.shape()) return INFINITY;
  const auto a = found.data<float>();
  const auto b = expected.data<float>();
  const Shape& shape = found.shape();
  const bool by_row = mask != nullptr && shape.size() >= 2 && shape[0] == mask->shape()[0] &&
                      shape[1] == mask->shape()[1];
  const auto size = static_cast<size_t>(shape.size() > 2 ? shape.back() : 1);
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (by_row && mask->data<int64_t>()[i / size] != 1) continue;
    const float apart = std::abs(a[i] - b[i]);
    if (!(apart <= largest)) largest = apart;  // NaN is the largest of all
    if (std::isnan(largest)) break;
  }
  return largest;
}

std::string word(std::string text) {
  for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return text;
}

std::string name_of(const testing::TestParamInfo<Param>& info) {
  return word(std::get<0>(info.param) + "_" + std::get<1>(info.param));
}

// Those that go through the engine. Compiling takes most of the time, so a quick run has one of
// each family: the smallest.
std::vector<Param> on_the_engine(const char* kind) {
  const char* extent = std::getenv("ACCEL_GOLDENS");
  const bool quick = extent != nullptr && extent == std::string_view("quick");
  std::map<std::string, std::pair<size_t, std::string>> smallest;  // by family
  std::vector<Param> chosen;
  for (const std::string& name : folders_with(kind)) {
    const auto config = read_json(data_folder(name) / "config.json");
    // Of folders of modules, each has parts of its own.
    const std::string family = config.ok() ? config->value("model_type", name) : name;
    const auto [it, first] = smallest.try_emplace(family, SIZE_MAX, "");
    it->second = std::min(it->second, {entries_of(name, kind).size(), name});
    if (!quick) chosen.emplace_back(name, "openvino");
  }
  if (quick) {
    for (const auto& [family, one] : smallest) chosen.emplace_back(one.second, "openvino");
  }
  return chosen;
}

std::vector<Param> on_all_backends(const char* kind) {
  std::vector<Param> chosen = on_the_engine(kind);
  for (const std::string& name : folders_with(kind)) chosen.emplace_back(name, "reference");
  return chosen;
}

class GoldenGraph : public Folder {};
class GoldenSentence : public Folder {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenGraph, testing::ValuesIn(on_all_backends("cases")), name_of);
INSTANTIATE_TEST_SUITE_P(Golden, GoldenSentence, testing::ValuesIn(on_all_backends("embeddings")),
                         name_of);

// Of CLIP's and SigLIP's towers, the reference's own methods give the states only. Alone they give
// their embedding, too, which the answers to zero-shot questions test.
size_t embeddings_of_a_lone_tower(const ModelReport& model, const Json& outputs) {
  const bool compares =
      std::ranges::find(model.tasks, "zero-shot-image-classification") != model.tasks.end();
  return compares && !outputs.contains("text_embeds") && !outputs.contains("image_embeds") ? 1 : 0;
}

// rows 35, 85 and 86
// row 94 (partial: each as a graph on raw tensors; tasks from end to end are still to come)
TEST_P(GoldenGraph, OutputsMatchTheReference) {
  for (const Json& entry : entries_of(name_, "cases")) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto model = model_for(entry, Use::kInfer);
    ASSERT_TRUE(model);
    const NamedTensors inputs = inputs_of(entry);
    const Json& outputs = entry["outputs"];
    const bool hidden_states = outputs.dump().find("hidden_states.0\"") != std::string::npos;
    const auto result = model->infer(inputs, {.hidden_states = hidden_states});
    if (beyond_the_reference_backend(result.status())) GTEST_SKIP() << result.status().message();
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_EQ(result->report.backend, backend_);
    EXPECT_EQ(result->report.precision, Precision::kF32);
    EXPECT_EQ(result->outputs.size(),
              outputs.size() + embeddings_of_a_lone_tower(model->report(), outputs));
    for (const auto& [name, tensor] : outputs.items()) {
      const Tensor* found = find(result->outputs, name);
      ASSERT_NE(found, nullptr) << name;
      EXPECT_LE(difference(*found, recorded(tensor), mask_of(entry, name, inputs)),
                tolerance(entry, name))
          << name;
    }
  }
}

class GoldenBlob : public Folder {
 protected:
  static NamedTensors run(const backend::CompiledModel& model, const NamedTensors& inputs) {
    const auto session = model.create_session();
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    NamedTensors outputs;
    const Status ran = (*session)->run(inputs, outputs);
    EXPECT_TRUE(ran.ok()) << ran.to_string();
    NamedTensors copies;  // the session's memory goes with it
    for (const NamedTensor& output : outputs) {
      Tensor copy = Tensor::allocate(output.tensor.dtype(), output.tensor.shape());
      std::ranges::copy(output.tensor.bytes(), copy.mutable_data());
      copies.push_back({output.name, std::move(copy)});
    }
    return copies;
  }
};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenBlob, testing::ValuesIn(on_the_engine("cases")), name_of);

// What the cache keeps of a graph computes the same: the engine's own kernels, on which a model has
// a form in bytes, before and after.
TEST_P(GoldenBlob, ComesBackAsItWas) {
  const Json entry = entries_of(name_, "cases")[0];
  const auto folder = models::ModelFolder::open(changed(
      {{"config", entry.value("config", Json())}, {"files", entry.value("files", Json())}}));
  ASSERT_TRUE(folder.ok()) << folder.status().to_string();
  models::GraphRequest request{.head = *(*folder)->head()};
  NamedTensors inputs;
  for (const models::InputSpec& spec : (*folder)->inputs(*request.head)) {
    const std::string name(spec.name);
    if (!entry["inputs"].contains(name)) continue;
    request.inputs.push_back(name);
    inputs.push_back({name, *tensors::convert_dtype(recorded(entry["inputs"][name]), spec.dtype)});
  }
  const auto built = (*folder)->build(request);
  ASSERT_TRUE(built.ok()) << built.status().to_string();
  const auto engine = backend::make_openvino_backend();
  const backend::CompileOptions options{.own_kernels = false};
  const auto made = engine->compile(built->model, options);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  std::ostringstream bytes;
  ASSERT_EQ((*made)->export_to(bytes).to_string(), "OK");
  const auto blob = std::make_shared<const std::string>(std::move(bytes).str());
  const auto back = engine->import_compiled({std::as_bytes(std::span(*blob)), blob}, options);
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  const NamedTensors before = run(**made, inputs);
  const NamedTensors after = run(**back, inputs);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    SCOPED_TRACE(before[i].name);
    EXPECT_EQ(difference(after[i].tensor, before[i].tensor, nullptr), 0.0F);
    const Json& recorded_outputs = entry["outputs"];
    if (!recorded_outputs.contains(before[i].name)) continue;
    EXPECT_LE(difference(before[i].tensor, recorded(recorded_outputs[before[i].name]),
                         mask_of(entry, before[i].name, inputs)),
              tolerance(entry, before[i].name));
  }
}

// RMS of the difference as a share of the RMS of `expected`.
double rms_error(const Tensor& found, const Tensor& expected) {
  if (found.shape() != expected.shape()) return INFINITY;
  const auto a = found.data<float>();
  const auto b = expected.data<float>();
  double apart = 0;
  double size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    apart += std::pow(static_cast<double>(a[i]) - b[i], 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(apart / size);
}

// Whether the CPU device was proved to compute in `precision` on this machine.
bool offers(std::string_view precision) {
  static const std::vector<DeviceReport> devices = engine().devices();
  const auto cpu = std::ranges::find_if(devices, [](const DeviceReport& device) {
    return device.backend == "openvino" && device.name == "CPU";
  });
  return cpu != devices.end() &&
         std::ranges::find(cpu->precisions, *parse_precision(precision)) != cpu->precisions.end();
}

class GoldenNarrow : public Folder {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenNarrow, testing::ValuesIn(on_the_engine("cases")), name_of);

// Where this machine computes in bf16 or f16, no worse than the reference library does: over all
// cases and outputs of a folder together, leaving out those of too few values to say anything.
TEST_P(GoldenNarrow, PrecisionsErrAtMostHalfAgainTheReference) {
  constexpr double kShare = 1.5;
  constexpr size_t kFewestValues = 32;
  for (const char* precision : {"bf16", "f16"}) {
    SCOPED_TRACE(precision);
    double ours = 0;
    double theirs = 0;
    std::shared_ptr<Model> model;
    for (const Json& entry : entries_of(name_, "cases")) {
      const Json errors = entry.value("rms_error", Json::object()).value(precision, Json::object());
      if (errors.empty() || entry.contains("config") || !offers(precision)) continue;
      if (!model) {
        const auto loaded = engine().load({.path = folder_.string(),
                                           .backend = backend_,
                                           .precision = *parse_precision(precision),
                                           .use = Use::kInfer});
        ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
        model = *loaded;
      }
      const auto result = model->infer(inputs_of(entry));
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      EXPECT_EQ(result->report.precision, *parse_precision(precision));
      for (const auto& [output, own] : errors.items()) {
        const Tensor* found = find(result->outputs, output);
        ASSERT_NE(found, nullptr) << output;
        if (found->count() < kFewestValues) continue;
        ours += std::pow(rms_error(*found, recorded(entry["outputs"][output])), 2);
        theirs += std::pow(own.get<double>(), 2);
      }
    }
    EXPECT_LE(std::sqrt(ours), kShare * std::sqrt(theirs));
  }
}

// Root of the mean square of the difference over rows `begin` to `end` of [1, L, ..], as a share of
// the root of the mean square of `expected` there.
double rms_error(const Tensor& found, const Tensor& expected, int64_t begin, int64_t end) {
  const auto rows = [&](const Tensor& tensor) {
    const int64_t size = tensor.count() / tensor.shape()[1];
    return Tensor::from<float>({end - begin, size},
                               tensor.data<float>().subspan(begin * size, (end - begin) * size));
  };
  return rms_error(rows(found), rows(expected));
}

// Positions are numbers too: a rotary embedding computed in bf16 turns the thousandth token
// anywhere.
class GoldenFar : public Folder {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenFar,
                         testing::Combine(testing::Values("golden/llama", "golden/modernbert-mlm",
                                                          "golden/nomic-bert-mlm", "golden/qwen3"),
                                          testing::Values("openvino")),
                         name_of);

TEST_P(GoldenFar, NarrowPrecisionsErrNoMoreAtFarPositions) {
  constexpr int64_t kLength = 1024;
  const Json longer{{"config", {{"max_position_embeddings", kLength}, {"n_positions", kLength}}}};
  const std::string folder = changed({{"config", longer["config"]}, {"files", Json()}}).string();
  std::vector<int64_t> ids(kLength);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(5 + i * i * 7 % 50);
  const auto run = [&](Precision precision) -> Tensor {
    const auto model = engine().load(
        {.path = folder, .backend = backend_, .precision = precision, .use = Use::kInfer});
    EXPECT_TRUE(model.ok()) << model.status().to_string();
    const auto result = (*model)->infer({{"input_ids", Tensor::from<int64_t>({1, kLength}, ids)}});
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    return result->outputs.front().tensor;
  };
  const Tensor exact = run(Precision::kF32);
  for (const char* precision : {"bf16", "f16"}) {
    if (!offers(precision)) continue;
    const Tensor found = run(*parse_precision(precision));
    EXPECT_LE(rms_error(found, exact, kLength - 128, kLength), 4 * rms_error(found, exact, 0, 128))
        << precision;
  }
}

// row 322 (partial: narrow integers for int64 inputs)
TEST_P(GoldenGraph, NarrowIntegersGiveTheSameOutputs) {
  const Json entry = entries_of(name_, "cases")[0];
  const auto model = model_for(entry, Use::kInfer);
  ASSERT_TRUE(model);
  const auto run = [&](DType dtype) -> NamedTensors {
    NamedTensors inputs;
    for (const auto& [name, tensor] : entry["inputs"].items()) {
      const Tensor& own = recorded(tensor);
      inputs.push_back({name, is_integer(own.dtype()) ? *tensors::convert_dtype(own, dtype) : own});
    }
    const auto result = model->infer(inputs);
    if (beyond_the_reference_backend(result.status())) return {};
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    return result.ok() ? result->outputs : NamedTensors();
  };
  const NamedTensors wide = run(DType::kI64);
  if (wide.empty()) GTEST_SKIP();
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
    if (unsupported_) GTEST_SKIP();
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

// The folders whose tokenizer has examples, and that hold its files.
std::vector<std::string> tokenizers() {
  std::vector<std::string> folders = folders_with("tokenizer");
  std::erase_if(folders, [](const std::string& name) {
    return !fs::exists(data_folder(name) / "tokenizer_config.json");
  });
  return folders;
}

class GoldenTokens : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Golden, GoldenTokens, testing::ValuesIn(tokenizers()),
                         [](const auto& each) { return word(each.param); });

// The tokens that the reference tokenizer makes of the examples.
TEST_P(GoldenTokens, EqualTheReferences) {
  const fs::path folder = data_folder(GetParam());
  const auto json = text::read_tokenizer(folder, "");
  ASSERT_TRUE(json.ok()) << json.status().to_string();
  const auto tokenizer = text::Tokenizer::from_json(*json);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  const Json& examples = golden_of(GetParam())["tokenizer"]["examples"];
  ASSERT_GT(examples.size(), 10u);
  for (const Json& example : examples) {
    if (!example.contains("text")) continue;
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
