#include "accel/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <thread>

#include "accel/version.h"
#include "base/files.h"
#include "hardware/cpu.h"
#include "models/foreign/onnx_bytes.h"
#include "models/tiny_bert.h"
#include "store/facts.h"

namespace accel {
namespace {

namespace fs = std::filesystem;
using models::ScratchFolder;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kBert = std::string(ACCEL_TEST_DATA) + "/bert-feature";
const std::vector<std::string> kTexts{"Hello world!", "", "The licensee may copy the program.",
                                      "Café déjà vu 😀", "you you you you you you you you you"};

std::vector<float> row_of(const Tensor& tensor, size_t row) {
  const auto size = static_cast<size_t>(tensor.shape()[1]);
  const auto values = tensor.data<float>().subspan(row * size, size);
  return {values.begin(), values.end()};
}

// Equal but for the order of sums in batches of other shapes.
void expect_near(const std::vector<float>& a, const std::vector<float>& b,
                 float tolerance = 1e-5F) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

Tensor integers(const Shape& shape, int64_t value) {
  return Tensor::from<int64_t>(shape, std::vector<int64_t>(*element_count(shape), value));
}

class EngineTest : public testing::Test {
 protected:
  // What is tested here is the engine, however the suite is run.
  EngineTest() { ::unsetenv("IPFS_ACCELERATE_ENABLED"); }
  std::unique_ptr<Engine> make_engine(bool probe = false) const {
    return *Engine::create({.cache_dir = cache_.path().string(), .probe = probe});
  }
  std::shared_ptr<Model> load(LoadOptions options = {}) {
    if (options.path == LoadOptions().path) options.path = kBert;
    auto model = engine_->load(options);
    if (!model.ok()) ADD_FAILURE() << model.status().to_string();
    return model.ok() ? *model : nullptr;
  }
  Status refused(LoadOptions options) {
    if (options.path == LoadOptions().path) options.path = kBert;
    const auto model = engine_->load(options);
    EXPECT_FALSE(model.ok());
    return model.status();
  }

  const ScratchFolder cache_;
  const std::unique_ptr<Engine> engine_ = make_engine();
};

// --- graphs of others ----------------------------------------------------------------------------

// rows = ReduceSum(Gather(table, ids), idle), of a table {10, 20, 30}; the axes "idle" are none,
// which reduces nothing, so that the front end leaves that input out.
std::string onnx_lookup() {
  using models::foreign::bytes_field;
  using models::foreign::number_field;
  const auto port = [](const char* name, uint64_t type, uint64_t size) {
    const std::string shape = bytes_field(1, number_field(1, size));
    return bytes_field(1, name) +
           bytes_field(2, bytes_field(1, number_field(1, type) + bytes_field(2, shape)));
  };
  const std::array<float, 3> rows{10, 20, 30};
  const std::string_view numbers(reinterpret_cast<const char*>(rows.data()), sizeof(rows));
  const std::string table = number_field(1, rows.size()) + number_field(2, 1) +
                            bytes_field(8, "table") + bytes_field(9, numbers);
  const std::string gather = bytes_field(1, "table") + bytes_field(1, "ids") +
                             bytes_field(2, "found") + bytes_field(4, "Gather");
  const std::string none_is_none =
      bytes_field(1, "noop_with_empty_axes") + number_field(3, 1) + number_field(20, 2);
  const std::string sum = bytes_field(1, "found") + bytes_field(1, "idle") +
                          bytes_field(2, "rows") + bytes_field(4, "ReduceSum") +
                          bytes_field(5, none_is_none);
  return models::foreign::onnx_model(
      17, bytes_field(1, gather) + bytes_field(1, sum) + bytes_field(2, "g") +
              bytes_field(5, table) + bytes_field(11, port("ids", 7, 2)) +
              bytes_field(11, port("idle", 7, 0)) + bytes_field(12, port("rows", 1, 2)));
}

TEST_F(EngineTest, OnnxCountsRowsFromTheEndAndMayDeclareInputsThatNothingReads) {
  const ScratchFolder folder;
  const fs::path file = folder.path() / "model.onnx";
  std::ofstream(file, std::ios::binary) << onnx_lookup();
  const auto model = load({.path = file.string(), .use = Use::kInfer});
  ASSERT_NE(model, nullptr);
  const auto look_up = [&](const std::vector<int64_t>& ids) {
    return model->infer({{"ids", Tensor::from<int64_t>({2}, ids)},
                         {"idle", Tensor::from<int64_t>({0}, std::vector<int64_t>{})}});
  };
  const auto found = look_up({-1, 1});
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_THAT(found->outputs[0].tensor.data<float>(), ElementsAre(30, 20));
  const Status outside = look_up({-4, 1}).status();
  EXPECT_EQ(outside.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(outside.message(), HasSubstr("from -3 to 2, found -4"));
}

// --- the life of a model -------------------------------------------------------------------------

// row 1 (partial: the library's half)
TEST_F(EngineTest, LoadRunUnload) {
  for (const char* backend : {"openvino", "reference"}) {
    const auto model = load({.backend = backend, .precision = Precision::kF32});
    const auto result = model->embed(kTexts);
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_EQ(result->embeddings.shape(), (Shape{5, 32}));
    EXPECT_EQ(result->report.backend, backend);
    EXPECT_EQ(result->report.precision, Precision::kF32);
    EXPECT_EQ(result->report.precision_source, "requested");
    EXPECT_FALSE(result->report.fallback);
    EXPECT_TRUE(model->unload().ok());

    const Status again = model->unload();
    EXPECT_EQ(again.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(again.message(), HasSubstr("not loaded"));
    for (const Status& status : {model->embed(kTexts).status(), model->embed_stream().status(),
                                 model->infer({{"input_ids", integers({1, 3}, 5)}}).status()}) {
      EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
      EXPECT_THAT(status.message(), HasSubstr("not loaded"));
    }
    EXPECT_EQ(model->report().family, "bert");  // facts stay
  }
}

TEST_F(EngineTest, TellsItsGraphsAndWhatTheirLayersTake) {
  const auto model = load({.precision = Precision::kF32, .own_kernels = false, .profile = true});
  ASSERT_TRUE(model->embed(kTexts).ok());
  const auto graphs = model->graphs();
  ASSERT_TRUE(graphs.ok()) << graphs.status().to_string();
  ASSERT_EQ(graphs->size(), 1);
  const GraphReport& graph = graphs->front();
  EXPECT_EQ(graph.name, "sentence-embedding");
  EXPECT_EQ(graph.report.streams, 1);
  EXPECT_GT(graph.layers.runs, 0);
  EXPECT_GT(graph.layers.seconds, 0);
  double sum = 0;
  bool fused = false;
  for (const LayerReport& layer : graph.layers.layers) {
    EXPECT_NE(layer.type, "Const");
    fused = fused || (layer.type == "FullyConnected" && !layer.kernel.empty());
    sum += layer.seconds;
  }
  EXPECT_TRUE(fused);
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, graph.layers.seconds);
  ASSERT_TRUE(model->unload().ok());
  EXPECT_EQ(model->graphs().status().code(), StatusCode::kFailedPrecondition);
  const auto reference = load({.backend = "reference", .precision = Precision::kF32});
  EXPECT_EQ(reference->graphs().status().code(), StatusCode::kUnimplemented);
}

TEST_F(EngineTest, AModelOutlivesItsEngine) {
  auto engine = make_engine();
  const auto model = *engine->load({.path = kBert});
  engine.reset();
  EXPECT_TRUE(model->embed(kTexts).ok());
}

TEST_F(EngineTest, EitherUseIsPreparedLaterWhenAsked) {
  const auto embedding = load({.use = Use::kEmbed});
  EXPECT_TRUE(embedding->infer({{"input_ids", integers({1, 3}, 5)}}).ok());
  const auto inferring = load({.use = Use::kInfer});
  EXPECT_TRUE(inferring->embed(kTexts).ok());
}

TEST_F(EngineTest, DescribesAFolderWithoutABackend) {
  const auto report = engine_->describe(kBert);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_EQ(report->family, "bert");
  EXPECT_EQ(report->architecture, "BertModel");
  EXPECT_EQ(report->hidden_size, 32);
  EXPECT_EQ(report->layers, 2);
  EXPECT_EQ(report->vocabulary, 1000);
  EXPECT_EQ(report->max_tokens, 48);
  EXPECT_EQ(report->embedding_size, 32);
  EXPECT_EQ(report->pooling, "mean");
  EXPECT_TRUE(report->normalized);
  EXPECT_EQ(report->weights_dtype, "f32");
  EXPECT_GT(report->parameters, 50000u);
  EXPECT_GT(report->bytes_on_disk, report->parameters * 4);
  std::vector<std::string> inputs;
  for (const PortReport& port : report->inputs) inputs.push_back(port.name);
  EXPECT_THAT(inputs, ElementsAre("input_ids", "attention_mask", "token_type_ids", "position_ids"));
  EXPECT_FALSE(report->inputs[0].optional);
  EXPECT_TRUE(report->inputs[1].optional);
  std::vector<std::string> outputs;
  for (const PortReport& port : report->outputs) outputs.push_back(port.name);
  EXPECT_THAT(outputs, ElementsAre("last_hidden_state", "pooler_output", "sentence_embedding"));
  EXPECT_EQ(engine_->describe(kBert + "/none").status().code(), StatusCode::kNotFound);
}

// --- what cannot be loaded -----------------------------------------------------------------------

TEST_F(EngineTest, WhatIsNotThereListsWhatIs) {
  const Status backend = refused({.backend = "tensorflow"});
  EXPECT_EQ(backend.code(), StatusCode::kNotFound);
  EXPECT_THAT(backend.message(),
              AllOf(HasSubstr("tensorflow"), HasSubstr("openvino"), HasSubstr("reference")));
  for (const char* name : {"openvino", "reference"}) {
    const Status device = refused({.backend = name, .device = "GPU.7"});
    EXPECT_EQ(device.code(), StatusCode::kNotFound) << device.to_string();
    EXPECT_THAT(device.message(), AllOf(HasSubstr("GPU.7"), HasSubstr("CPU"))) << name;
  }
  EXPECT_EQ(refused({.path = kBert + "/none"}).code(), StatusCode::kNotFound);
  EXPECT_EQ(refused({.streams = -1}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused({.threads = -1}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused({.streams = 1'000'000'000}).code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, IntegerPrecisionsAreNotAvailableYet) {
  for (const Precision precision : {Precision::kI8, Precision::kI4}) {
    for (const char* backend : {"openvino", "reference"}) {
      const Status status = refused({.backend = backend, .precision = precision});
      EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
      EXPECT_THAT(status.message(), AllOf(HasSubstr("not available yet"), HasSubstr("bf16"),
                                          HasSubstr(std::string(to_string(precision)))));
    }
  }
}

// What devices() promises is what runs; everything else is refused, never replaced silently.
TEST_F(EngineTest, ANarrowPrecisionRunsOrIsRefused) {
  for (const DeviceReport& device : engine_->devices()) {
    for (const Precision precision : {Precision::kF32, Precision::kBF16, Precision::kF16}) {
      SCOPED_TRACE(device.backend + " " + std::string(to_string(precision)));
      const auto model = engine_->load({.path = kBert,
                                        .backend = device.backend,
                                        .device = device.name,
                                        .precision = precision});
      const bool offered =
          std::ranges::find(device.precisions, precision) != device.precisions.end();
      ASSERT_EQ(model.ok(), offered) << model.status().to_string();
      if (!offered) {
        EXPECT_THAT(model.status().message(), HasSubstr(std::string(to_string(precision))));
        continue;
      }
      const auto result = (*model)->embed(kTexts);
      ASSERT_TRUE(result.ok());
      EXPECT_EQ(result->report.precision, precision);
    }
  }
}

TEST_F(EngineTest, ListsBackendsAndDevices) {
  std::vector<std::string> names;
  for (const BackendReport& backend : engine_->backends()) {
    names.push_back(backend.name);
    EXPECT_TRUE(backend.available) << backend.reason;
    EXPECT_FALSE(backend.version.empty());
  }
  EXPECT_THAT(names, ElementsAre("openvino", "reference"));
  for (const char* name : {"openvino", "reference"}) {
    bool found = false;
    for (const DeviceReport& device : engine_->devices()) {
      if (device.backend != name || device.name != "CPU") continue;
      found = true;
      EXPECT_THAT(device.precisions, Contains(Precision::kF32));
    }
    EXPECT_TRUE(found) << name;
  }
  EXPECT_EQ(version(), kVersion);
}

TEST_F(EngineTest, ABrokenTokenizerHindersTextsOnly) {
  const ScratchFolder copy;
  fs::copy(kBert, copy.path(), fs::copy_options::recursive);
  for (const char* text : {"", "{", "{}", "[1]", "\xFF"}) {
    copy.write("tokenizer.json", std::string_view(text));
    const Status status = refused({.path = copy.path().string()});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr("tokenizer.json")) << text;
  }
  fs::remove(copy.path() / "tokenizer.json");
  EXPECT_EQ(refused({.path = copy.path().string()}).code(), StatusCode::kNotFound);
  const auto model = load({.path = copy.path().string(), .use = Use::kInfer});
  EXPECT_TRUE(model->infer({{"input_ids", integers({1, 3}, 5)}}).ok());
  EXPECT_EQ(model->embed(kTexts).status().code(), StatusCode::kNotFound);
}

TEST_F(EngineTest, WeightsThatDoNotFitAreNamed) {
  const ScratchFolder copy;
  fs::copy(kBert, copy.path(), fs::copy_options::recursive);
  copy.write_weights("model.safetensors", models::tiny_bert_weights(models::tiny_bert_config()));
  const Status status = refused({.path = copy.path().string()});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("embeddings.word_embeddings.weight: expected shape [1000, 32], found"));
}

// --- precision "auto" ----------------------------------------------------------------------------

TEST_F(EngineTest, AutoIsF32UntilMeasuredAndRememberedAfterwards) {
  const auto before = load()->embed(kTexts);
  EXPECT_EQ(before->report.precision, Precision::kF32);
  EXPECT_EQ(before->report.precision_source, "unmeasured");

  const auto measured = engine_->measure(kBert, "CPU", 0.2);
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  EXPECT_TRUE(measured->remembered);
  ASSERT_FALSE(measured->settings.empty());
  EXPECT_EQ(measured->settings[0].precision, Precision::kF32);
  EXPECT_NEAR(measured->settings[0].least_cosine, 1.0, 1e-9);
  double best = 0;
  for (const RunSetting& one : measured->settings) {
    EXPECT_GT(one.items_per_sec, 0);
    EXPECT_GT(one.latency_ms, 0);
    if (one.eligible) best = std::max(best, one.items_per_sec);
  }
  EXPECT_GE(measured->throughput.items_per_sec, best * 0.97);
  EXPECT_GT(measured->batch_tokens, 0);

  for (const auto& engine : {make_engine(), make_engine()}) {
    const auto after = (*engine->load({.path = kBert}))->embed(kTexts);
    EXPECT_EQ(after->report.precision_source, "measured");
    EXPECT_EQ(after->report.precision, measured->throughput.precision);
    EXPECT_EQ(after->report.streams, measured->throughput.streams);
    EXPECT_EQ(after->report.streams_source, "measured");
  }
  // Asked for, it is not replaced; and what was measured here says nothing about the reference.
  EXPECT_EQ(load({.precision = Precision::kF32})->embed({})->report.precision_source, "requested");
  EXPECT_EQ(load({.backend = "reference"})->embed({})->report.precision, Precision::kF32);

  const ScratchFolder elsewhere;
  const auto fresh = *Engine::create({.cache_dir = elsewhere.path().string(), .probe = false});
  EXPECT_EQ((*fresh->load({.path = kBert}))->embed({})->report.precision_source, "unmeasured");
}

TEST_F(EngineTest, MeasuringWhatIsNotThereIsRefused) {
  EXPECT_EQ(engine_->measure(kBert, "GPU.7", 0.1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(engine_->measure(kBert + "/none", "CPU", 0.1).status().code(), StatusCode::kNotFound);
}

// --- the start-up probe --------------------------------------------------------------------------

TEST_F(EngineTest, AnEngineKnownToCrashHereIsNotStarted) {
  const auto facts = store::Facts::create({.folder = cache_.path() / "facts"});
  const std::string engine_version = engine_->backends()[0].version;
  const store::FactKey key{.kind = "crash-probe",
                           .cpu = hardware::read_cpu().identity(),
                           .engine = "OpenVINO " + engine_version};
  ASSERT_TRUE(facts->put(key, {{"signal", "Floating point exception"}}).ok());
  const auto probing = make_engine(true);
  const Status status = probing->load({.path = kBert}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("Floating point exception"), HasSubstr("--backend reference")));
  EXPECT_FALSE(probing->backends()[0].available);
  EXPECT_THAT(probing->backends()[0].reason, HasSubstr("crashes on this CPU"));
  EXPECT_TRUE(probing->load({.path = kBert, .backend = "reference"}).ok());

  // A fact that is none is found out again.
  ASSERT_TRUE(facts->put(key, {{"signal", 3}}).ok());
  EXPECT_TRUE(probing->load({.path = kBert}).ok());
}

// --- texts ---------------------------------------------------------------------------------------

TEST_F(EngineTest, TextsOfEveryKind) {
  const auto model = load();
  std::string long_text;
  while (long_text.size() < 10'000'000) long_text += "The licensee may copy and distribute. ";
  std::string long_word;
  long_word.resize(10'000'000, 'x');
  const std::vector<std::string> texts{"",  " \n\t ", std::string(3, '\0'), long_text, long_word,
                                       "x", "😀"};
  const auto result = model->embed(texts);
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  for (size_t i = 0; i < texts.size(); ++i) {
    double length = 0;
    for (const float x : row_of(result->embeddings, i)) length += double{x} * x;
    EXPECT_NEAR(length, 1.0, 1e-4) << i;
  }
  EXPECT_TRUE(result->truncated[3]);
  EXPECT_FALSE(result->truncated[0] || result->truncated[1] || result->truncated[5]);
  EXPECT_EQ(result->tokens[0], 2);
  EXPECT_EQ(result->tokens[3], 48);

  const auto none = model->embed({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->embeddings.shape(), (Shape{0, 32}));
}

TEST_F(EngineTest, InvalidUtf8IsReplacedOrRefused) {
  const auto model = load();
  const std::vector<std::string> texts{"fine", "not \xFF fine \xC3"};
  const auto replaced = model->embed(texts);
  ASSERT_TRUE(replaced.ok());
  EXPECT_EQ(replaced->replaced_utf8, 2u);
  const auto repaired = model->embed({"not \xEF\xBF\xBD fine \xEF\xBF\xBD"});
  expect_near(row_of(replaced->embeddings, 1), row_of(repaired->embeddings, 0));
  const Status strict = model->embed(texts, {.strict_utf8 = true}).status();
  EXPECT_EQ(strict.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(strict.message(), AllOf(HasSubstr("text 1"), HasSubstr("byte 4")));
}

TEST_F(EngineTest, OptionsThatDoNotFitTheModel) {
  const auto model = load();
  for (const int64_t dimensions : {-1, 33}) {
    EXPECT_THAT(model->embed(kTexts, {.dimensions = dimensions}).status().message(),
                HasSubstr("expected 1 to 32"));
    EXPECT_FALSE(model->embed_stream({.embed = {.dimensions = dimensions}}).ok());
  }
  EXPECT_EQ(model->embed(kTexts, {.prompt = "query"}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(model->embed_stream({.embed = {.prompt = "query"}}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(model->embed_stream({.window_texts = 0}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(model->embed_stream({.window_ms = -1}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, BatchesChangeNothing) {
  const auto model = load();
  const auto together = model->embed(kTexts, {.batch_tokens = 100000});
  EXPECT_GT(together->padded_tokens, 0u);
  const auto alone = model->embed(kTexts, {.batch_tokens = 1});
  EXPECT_EQ(alone->padded_tokens, 0u);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    expect_near(row_of(together->embeddings, i), row_of(alone->embeddings, i));
  }
}

TEST_F(EngineTest, TokensPastTheModelsVocabularyAreOutOfRange) {
  const ScratchFolder folder;
  const Json config = models::tiny_bert_config();  // 20 rows; the tokenizer has 1,000
  folder.write("config.json", config);
  folder.write_weights("model.safetensors", models::tiny_bert_weights(config));
  fs::copy(kBert + "/tokenizer.json", folder.path() / "tokenizer.json");
  const auto model = load({.path = folder.path().string()});
  EXPECT_TRUE(model->embed({""}).ok());
  const Status status = model->embed({"", "Hello"}).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("text 1"), HasSubstr("only 20 rows")));
}

// A tokenizer without special tokens makes nothing of the empty text.
TEST_F(EngineTest, ATextWithoutTokensHasAFiniteEmbedding) {
  const ScratchFolder folder;
  fs::copy(kBert, folder.path(), fs::copy_options::recursive);
  Json tokenizer = *read_json(folder.path() / "tokenizer.json");
  tokenizer["post_processor"] = nullptr;
  folder.write("tokenizer.json", tokenizer);
  for (const char* mode : {"mean", "cls", "max", "lasttoken", "weightedmean"}) {
    folder.write("1_Pooling/config.json", {{"pooling_mode", mode}});
    for (const char* backend : {"openvino", "reference"}) {
      const auto model = load({.path = folder.path().string(), .backend = backend});
      const auto result = model->embed({"", "Hello world!", ""}, {.batch_tokens = 1});
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      EXPECT_EQ(result->tokens[0], 0);
      for (const float x : result->embeddings.data<float>()) EXPECT_TRUE(std::isfinite(x)) << mode;
    }
  }
}

// --- streams -------------------------------------------------------------------------------------

TEST_F(EngineTest, AStreamGivesTheSameEmbeddings) {
  const auto model = load();
  const auto expected = model->embed(kTexts);
  const auto stream = *model->embed_stream({.window_texts = 2, .window_ms = 1});
  std::thread producer([&] {
    for (int round = 0; round < 20; ++round) {
      for (const std::string& text : kTexts) EXPECT_TRUE(stream->push(text).ok());
    }
    stream->close();
  });
  size_t at = 0;
  for (auto result = stream->next(); result.ok() && result->has_value(); result = stream->next()) {
    const EmbedResult& window = **result;
    EXPECT_EQ(window.report.backend, "openvino");
    for (size_t i = 0; i < window.tokens.size(); ++i, ++at) {
      const size_t text = at % kTexts.size();
      EXPECT_EQ(window.tokens[i], expected->tokens[text]);
      expect_near(row_of(window.embeddings, i), row_of(expected->embeddings, text));
    }
  }
  producer.join();
  EXPECT_EQ(at, 20 * kTexts.size());
  EXPECT_EQ(stream->completed(), at);
}

TEST_F(EngineTest, AStreamUnderWaySurvivesUnloading) {
  const auto model = load();
  const auto stream = *model->embed_stream();
  EXPECT_TRUE(stream->push("Hello world!").ok());
  EXPECT_TRUE(model->unload().ok());
  stream->close();
  const auto result = stream->next();
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ((*result)->tokens.size(), 1u);
}

// --- threads -------------------------------------------------------------------------------------

TEST_F(EngineTest, FourThreadsAtOnce) {
  const auto model = load({.streams = 2});
  const auto expected = model->embed(kTexts);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        // The raw and the other graph are compiled at their first call, by whoever comes first.
        const auto raw = model->infer({{"input_ids", integers({2, 7}, 5 + t)}});
        ASSERT_TRUE(raw.ok()) << raw.status().to_string();
        const auto result = model->embed(kTexts);
        ASSERT_TRUE(result.ok()) << result.status().to_string();
        for (size_t i = 0; i < kTexts.size(); ++i) {
          expect_near(row_of(result->embeddings, i), row_of(expected->embeddings, i));
        }
        ASSERT_TRUE(model->embed(kTexts, {.normalize = false}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(EngineTest, UnloadingWhileOthersEmbed) {
  const auto model = load();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (auto result = model->embed(kTexts);; result = model->embed(kTexts)) {
        if (result.ok()) continue;
        EXPECT_EQ(result.status().code(), StatusCode::kFailedPrecondition);
        return;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(model->unload().ok());
  for (std::thread& thread : threads) thread.join();
}

// The first run gives back the pages of the mapped weights; what reads them again must find them.
TEST_F(EngineTest, AnswersStayEqualAfterThePagesAreReleased) {
  for (const char* backend : {"openvino", "reference"}) {
    const auto model = load({.backend = backend, .use = Use::kInfer});
    const NamedTensors inputs{{"input_ids", integers({2, 9}, 77)}};
    const auto first = model->infer(inputs);
    ASSERT_TRUE(first.ok());
    for (int round = 0; round < 3; ++round) {
      const auto again = model->infer(inputs);
      ASSERT_TRUE(again.ok());
      const auto a = first->outputs[0].tensor.data<float>();
      const auto b = again->outputs[0].tensor.data<float>();
      EXPECT_TRUE(std::ranges::equal(a, b)) << backend;
    }
    // A graph compiled from released pages.
    const auto before = model->embed(kTexts);
    const auto after = load({.backend = backend})->embed(kTexts);
    for (size_t i = 0; i < kTexts.size(); ++i) {
      expect_near(row_of(before->embeddings, i), row_of(after->embeddings, i));
    }
  }
}

// --- raw tensors ---------------------------------------------------------------------------------

class InferTest : public EngineTest {
 protected:
  void SetUp() override { model_ = load({.use = Use::kInfer}); }
  Status refused(const NamedTensors& inputs) {
    const auto result = model_->infer(inputs);
    EXPECT_FALSE(result.ok());
    return result.status();
  }
  std::shared_ptr<Model> model_;
};

TEST_F(InferTest, WrongInputsListTheExpectedOnes) {
  const std::string expected = "expected input_ids i64[?, ?], attention_mask i64[?, ?] (optional)";
  const std::pair<NamedTensors, const char*> cases[] = {
      {{}, "input_ids is missing"},
      {{{"attention_mask", integers({1, 3}, 1)}}, "input_ids is missing"},
      {{{"input_ids", integers({1, 3}, 1)}, {"inputs", integers({1, 3}, 1)}},
       "inputs is no input of this model"},
      {{{"input_ids", integers({3}, 1)}}, "input_ids has shape [3]"},
      {{{"input_ids", integers({1, 3, 1}, 1)}}, "input_ids has shape [1, 3, 1]"},
      {{{"input_ids", Tensor::allocate(DType::kF32, {1, 3})}}, "input_ids has dtype f32"},
      {{{"ids", integers({3}, 1)}, {"mask", integers({3}, 1)}}, "ids is no input"},
  };
  for (const auto& [inputs, problem] : cases) {
    const Status status = refused(inputs);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << problem;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(problem), HasSubstr(expected)));
  }
}

TEST_F(InferTest, ShapesMustAgree) {
  const Status status =
      refused({{"input_ids", integers({2, 3}, 1)}, {"attention_mask", integers({2, 4}, 1)}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("[2, 3]"), HasSubstr("[2, 4]")));
}

TEST_F(InferTest, RowNumbersOutsideTheirTablesAreOutOfRange) {
  const Tensor fine = integers({1, 3}, 1);
  const std::pair<NamedTensors, const char*> cases[] = {
      {{{"input_ids", integers({1, 3}, 1000)}}, "input_ids: expected values from 0 to 999"},
      {{{"input_ids", integers({1, 3}, -1)}}, "found -1 at element 0"},
      {{{"input_ids", fine}, {"token_type_ids", integers({1, 3}, 2)}}, "token_type_ids"},
      {{{"input_ids", fine}, {"position_ids", integers({1, 3}, 64)}}, "position_ids"},
      {{{"input_ids", integers({1, 65}, 1)}}, "expected at most 64 tokens, found 65"},
  };
  for (const auto& [inputs, problem] : cases) {
    EXPECT_EQ(refused(inputs).code(), StatusCode::kOutOfRange) << problem;
    EXPECT_THAT(refused(inputs).message(), HasSubstr(problem));
  }
  EXPECT_TRUE(model_->infer({{"input_ids", integers({1, 64}, 999)}}).ok());
}

TEST_F(InferTest, IntegersTooLargeForTheInputAreRefused) {
  Tensor huge = Tensor::allocate(DType::kU64, {1, 1});
  std::ranges::fill(std::span(huge.mutable_data(), 8), std::byte{0xFF});
  EXPECT_EQ(refused({{"input_ids", huge}}).code(), StatusCode::kInvalidArgument);
}

TEST_F(InferTest, OrderOfInputsDoesNotMatter) {
  const NamedTensor ids{"input_ids", integers({1, 4}, 9)};
  const NamedTensor types{"token_type_ids", integers({1, 4}, 1)};
  const auto one = model_->infer({ids, types});
  const auto other = model_->infer({types, ids});
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_TRUE(std::ranges::equal(one->outputs[0].tensor.data<float>(),
                                 other->outputs[0].tensor.data<float>()));
}

TEST_F(InferTest, EmptyBatchesAndSequencesAreAnsweredOrRefused) {
  for (const char* backend : {"openvino", "reference"}) {
    const auto model = load({.backend = backend, .use = Use::kInfer});
    for (const Shape& shape : {Shape{0, 5}, Shape{2, 0}, Shape{0, 0}}) {
      const auto result = model->infer({{"input_ids", integers(shape, 1)}});
      if (result.ok()) {
        EXPECT_EQ(find(result->outputs, "last_hidden_state")->count(), 0u);
      } else {
        EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument)
            << result.status().message();
      }
    }
    EXPECT_TRUE(model->infer({{"input_ids", integers({1, 2}, 1)}}).ok());
  }
}

}  // namespace
}  // namespace accel
