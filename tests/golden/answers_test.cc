// What the reference library's pipelines answered (tools/make_answers.py), asked again: of the
// checkpoints, and of the graphs that were exported from them (tools/make_foreign.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "accel/engine.h"
#include "base/files.h"
#include "base/json.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

namespace fs = std::filesystem;

constexpr double kScoreTolerance = 1e-4;  // of the reference's f32

fs::path golden_folder() { return fs::path(ACCEL_TEST_DATA) / "golden"; }

fs::path foreign_folder() { return fs::path(ACCEL_TEST_DATA) / "foreign"; }

// What is asked: a folder of tests/data/golden, or a graph of tests/data/foreign that was exported
// from it for one task.
struct Asked {
  std::string folder;
  std::string graph = {};  // empty: the checkpoint
  std::string task = {};   // of the graph
};

std::vector<Asked> asked() {
  std::vector<Asked> all;
  for (const auto& entry : fs::directory_iterator(golden_folder())) {
    if (fs::exists(entry.path() / "answers.json")) all.push_back({entry.path().filename()});
  }
  const Json index = *read_json(foreign_folder() / "index.json");
  for (const auto& [name, graph] : index.at("exported").items()) {
    const fs::path from = fs::path(ACCEL_TEST_DATA) / graph.at("from").get<std::string>();
    if (fs::exists(from / "answers.json")) {
      all.push_back({from.filename(), name, graph.at("task").get<std::string>()});
    }
  }
  std::ranges::sort(all, {}, [](const Asked& one) { return std::pair(one.folder, one.graph); });
  return all;
}

// Of a checkpoint's files those that hold weights.
bool is_checkpoint(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("model.") || name.starts_with("pytorch_model");
}

TaskInput input_of(const Json& json) {
  TaskInput input;
  for (const auto& [key, value] : json.items()) {
    if (key == "text" || key == "question") input.text = value.get<std::string>();
    if (key == "text_pair" || key == "context") input.second_text = value.get<std::string>();
    if (key == "image" || key == "audio") {
      const fs::path file = fs::path(ACCEL_TEST_DATA) / value.get<std::string>();
      input.media = *read_file(file, uint64_t{1} << 26);
    }
    if (key == "candidate_labels") input.choices = value.get<std::vector<std::string>>();
  }
  return input;
}

template <class T>
void take(const Json& json, const char* name, std::optional<T>& out) {
  if (json.contains(name)) out = json.at(name).get<T>();
}

TaskOptions options_of(const Json& json) {
  TaskOptions options;
  take(json, "top_k", options.top_k);
  take(json, "function", options.function);
  take(json, "multi_label", options.multi_label);
  take(json, "hypothesis", options.hypothesis);
  take(json, "aggregation", options.aggregation);
  take(json, "window_tokens", options.window_tokens);
  take(json, "stride_tokens", options.stride_tokens);
  take(json, "max_answer_tokens", options.max_answer_tokens);
  take(json, "no_answer", options.no_answer);
  take(json, "targets", options.targets);
  take(json, "threshold", options.threshold);
  take(json, "timestamps", options.timestamps);
  take(json, "pool", options.pool);
  take(json, "prompt", options.prompt);
  return options;
}

// Equal, numbers with a point nearly so.
void expect_same(const Json& found, const Json& expected, const std::string& where) {
  ASSERT_EQ(found.is_number(), expected.is_number()) << where;
  if (expected.is_number_float() || found.is_number_float()) {
    EXPECT_NEAR(found.get<double>(), expected.get<double>(), kScoreTolerance) << where;
    return;
  }
  ASSERT_EQ(found.type_name(), std::string(expected.type_name())) << where << found;
  if (!expected.is_structured()) {
    EXPECT_EQ(found, expected) << where;
    return;
  }
  ASSERT_EQ(found.size(), expected.size()) << where << found.dump() << expected.dump();
  for (const auto& [key, value] : expected.items()) {
    const Json one = expected.is_object() ? found.value(key, Json()) : found[std::stoul(key)];
    expect_same(one, value, where + "/" + key);
  }
}

class Answers : public testing::TestWithParam<Asked> {
 protected:
  // The folder, with `changes` in its config.json.
  Result<std::shared_ptr<Model>> load(const Json& changes, const std::string& task) {
    scratch_ = std::make_unique<models::ScratchFolder>();
    const fs::path source = golden_folder() / GetParam().folder;
    fs::copy(source, scratch_->path(), fs::copy_options::recursive);
    if (!GetParam().graph.empty()) {
      for (const auto& file : fs::directory_iterator(source)) {
        if (is_checkpoint(file.path())) fs::remove(scratch_->path() / file.path().filename());
      }
      fs::copy(foreign_folder() / GetParam().graph, scratch_->path());
    }
    Json config = *read_json(source / "config.json");
    config.update(changes);
    fs::remove(scratch_->path() / "config.json");
    std::ofstream(scratch_->path() / "config.json") << config;
    return engine_->load({.path = scratch_->path().string(),
                          .precision = Precision::kF32,
                          .streams = 1,
                          .task = task,
                          .use = Use::kRun});
  }

  models::ScratchFolder cache_;
  std::unique_ptr<models::ScratchFolder> scratch_;
  std::unique_ptr<Engine> engine_ =
      std::move(*Engine::create({.cache_dir = cache_.path().string(), .probe = false}));
};

TEST_P(Answers, AreThoseOfTheReferencesPipelines) {
  const Json recorded = *read_json(golden_folder() / GetParam().folder / "answers.json");
  int compared = 0;
  std::string loaded;
  std::shared_ptr<Model> model;
  for (const Json& entry : recorded.at("answers")) {
    SCOPED_TRACE(entry.at("task").get<std::string>() + " " + entry.at("input").dump() + " " +
                 entry.at("options").dump() + " " + entry.at("config").dump());
    const std::string task = entry.at("task");
    if (!GetParam().graph.empty() && task != GetParam().task) continue;
    if (const std::string key = task + entry.at("config").dump(); key != loaded) {
      auto made = load(entry.at("config"), task);
      ASSERT_TRUE(made.ok()) << made.status().to_string();
      model = *made;
      loaded = key;
    }
    const auto result =
        model->run({input_of(entry.at("input"))}, {task, options_of(entry.at("options"))});
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    ASSERT_TRUE(result->items.at(0).ok()) << result->items[0].status().to_string();
    EXPECT_EQ(result->report.source == "native", GetParam().graph.empty());
    expect_same(*parse_json(to_json(*result->items[0])), entry.at("answer"), "");
    compared += 1;
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Golden, Answers, testing::ValuesIn(asked()), [](const auto& test) {
  const Asked& one = test.param;
  std::string name = one.graph.empty() ? one.folder : "graph_" + one.graph;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace accel
