// A table whose models are only there, with a clock of the test's.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model_table.h"

namespace accel::runtime {

inline std::atomic<int64_t> live_bytes = 0;  // of all models of these tests

// A model that is only there.
class Presence : public Model {
 public:
  explicit Presence(int64_t bytes) : bytes_(bytes) { live_bytes += bytes_; }
  ~Presence() override { live_bytes -= bytes_; }
  int64_t bytes() const { return bytes_; }

  const ModelReport& report() const override { return report_; }
  Result<EmbedResult> embed(const std::vector<std::string>&, const EmbedOptions&) override {
    return unimplemented("nothing");
  }
  Result<std::unique_ptr<EmbeddingStream>> embed_stream(const EmbedStreamOptions&) override {
    return unimplemented("nothing");
  }
  Result<std::unique_ptr<TaskStream>> run_stream(const RunOptions&) override {
    return unimplemented("nothing");
  }
  Result<RunResult> run(std::vector<TaskInput>, const RunOptions&) override {
    return unimplemented("nothing");
  }
  Result<InferResult> infer(const NamedTensors&, const InferOptions&) override {
    return unimplemented("nothing");
  }
  Result<std::unique_ptr<PendingItem>> submit(TaskInput, const SubmitOptions&) override {
    return unimplemented("");
  }
  Status prepare(const std::string&, const TaskOptions&) override { return {}; }
  bool prepared(const std::string&, const TaskOptions&) const override { return false; }
  ModelStatistics statistics() const override { return {}; }
  Result<std::vector<TextToken>> tokenize(const std::string&, bool) override {
    return unimplemented("nothing");
  }
  Result<std::string> decode(const std::vector<int32_t>&, bool) override {
    return unimplemented("nothing");
  }
  Status unload() override { return {}; }

 private:
  const int64_t bytes_;
  const ModelReport report_;
};

class Table : public testing::Test {
 protected:
  void make(const ManagerOptions& options) {
    table_ = ModelTable::create(options, [this] { return now_; });
  }

  Loadable loadable(const std::string& name, int64_t bytes, int version = 1) {
    return {.name = name,
            .version = version,
            .estimate = [bytes] { return Result<uint64_t>(static_cast<uint64_t>(bytes)); },
            .load = [this, name, bytes]() -> Result<std::shared_ptr<Model>> {
              ++loads_[name];
              if (!failure_.ok()) return failure_;
              return std::shared_ptr<Model>(std::make_shared<Presence>(bytes));
            }};
  }
  void define(const std::string& name, int64_t bytes, int version = 1) {
    ASSERT_EQ(table_->define(loadable(name, bytes, version)).to_string(), "OK");
  }
  ModelState state(const std::string& name) const {
    for (const ManagedModel& model : table_->models()) {
      if (model.name == name) return model.state;
    }
    return ModelState::kFailed;
  }

  ModelTable::Clock::time_point now_{std::chrono::hours(1)};
  std::shared_ptr<ModelTable> table_;
  std::map<std::string, int> loads_;
  Status failure_;
};

}  // namespace accel::runtime
