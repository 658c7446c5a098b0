#include "accel/engine.h"

#include <gmock/gmock.h>

#include <array>
#include <fstream>

#include "accel/version.h"
#include "base/files.h"
#include "engine/engine_fixture.h"
#include "hardware/cpu.h"
#include "models/foreign/onnx_bytes.h"
#include "store/facts.h"

namespace accel {
namespace {

namespace fs = std::filesystem;
using models::ScratchFolder;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(EngineTest, RowsOfABatchAreAsAskedFor) {
  const std::string data = ACCEL_TEST_DATA;
  const std::string image = *read_file(data + "/images/decode/420.jpg", 1 << 20);
  const auto batches_of = [&](int64_t batch_rows) {
    LoadOptions options{.path = data + "/golden/vit-imgcls", .streams = 1, .use = Use::kRun};
    options.batch_rows = batch_rows;
    const auto model = load(options);
    const auto result = model->run(std::vector<TaskInput>(64, {.media = image}));
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_EQ(model->statistics().rows, 64);
    return model->statistics().batches;
  };
  EXPECT_EQ(batches_of(1), 64);
  EXPECT_LT(batches_of(8), 64);
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
  // Fewer streams are taken for 10 % more items only (tuning.h).
  EXPECT_GE(measured->throughput.items_per_sec, best * 0.9);
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

}  // namespace
}  // namespace accel
