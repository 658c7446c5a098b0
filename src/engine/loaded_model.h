// LoadedModel: a model folder on a backend; the engine's implementation of Model.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "backend/backend.h"
#include "engine/graph_cache.h"
#include "engine/tuning.h"
#include "models/model_folder.h"
#include "pipelines/submitted_item.h"
#include "pipelines/task.h"
#include "pipelines/text/embedding.h"
#include "runtime/batcher.h"
#include "runtime/content_rules.h"
#include "runtime/device_set.h"
#include "runtime/memory_room.h"
#include "runtime/session_pool.h"

namespace accel::engine {

// What of a model's graph is kept in the cache.
struct Keeping {
  bool graph = false;
  bool compiled = false;
};

// What is worth keeping of a graph of this source (RunReport::source): where taking it from the
// cache is at least 1.5 times as quick as making it again (docs/performance.md). Pure.
Keeping worth_keeping(std::string_view source, std::string_view device);

// How batches are cut.
struct Cutting {
  BatchSizes sizes;                      // as measured, or none
  std::function<double()> foreign_load;  // of other processes, 0 to 1; may be empty
};

// Of a batch of texts, and of anything else: as measured, or as it is usually best.
int64_t tokens_of_batches(const BatchSizes& sizes);
int64_t rows_of_batches(const BatchSizes& sizes);

// A compiled graph with its sessions. The mapped weights' pages are released after the first run,
// when the engine has packed what it needs.
struct CompiledGraph {
  std::string name;  // GraphReport::name
  std::shared_ptr<runtime::SessionPool> pool;
  std::vector<std::shared_ptr<const backend::CompiledModel>> compiled;  // of each device
  std::vector<std::shared_ptr<const MappedFile>> sources;
  std::atomic<bool> released = false;
  RunReport report;
  std::mutex mutex;
  // By the pool's routes. Guarded by mutex; they end before the rest.
  std::vector<std::shared_ptr<runtime::Batcher>> batchers_made;
  void release_sources();
  // Of everybody's single items, one for each of the pool's routes, made by the first. `pad_id`
  // fills up shorter texts.
  std::vector<std::shared_ptr<runtime::Batcher>> batchers(int32_t pad_id, const Cutting& cutting);
};

// What RunReport::warmed_up says of a load. Pure.
std::vector<std::string> warm_up_names(const LoadOptions& options);

class LoadedModel : public Model {
 public:
  struct Parts {
    std::shared_ptr<const models::ModelFolder> folder;
    std::shared_ptr<const backend::Backend> backend;
    backend::CompileOptions compile;  // of all members but for what each changes
    // Where it runs; several share the work.
    std::vector<runtime::DeviceMember> members = {{.name = "CPU"}};
    runtime::ContentRoutes routes;  // of inputs to members
    runtime::Candidate candidate;   // that it was loaded as
    // Where runs go whose engine fails, in this order; none: their error is the answer.
    struct Alternative {
      runtime::Candidate candidate;
      std::shared_ptr<const backend::Backend> backend;
      backend::CompileOptions compile;
    };
    std::vector<Alternative> alternatives;
    Isolation isolation = Isolation::kThread;  // of `backend`, for the report
    std::vector<std::string> notices;          // for the report
    std::string precision_source;
    std::string streams_source;
    Cutting cutting;
    // How the placement came about, for the report.
    std::string fallback_reason;
    std::string local_reason;
    bool simulated = false;
    // Of the load, for the report.
    uint64_t memory_bytes = 0;
    uint64_t memory_bytes_max = 0;
    std::vector<std::string> warmed_up;
    std::optional<models::Head> head;  // what infer() computes; none: what the folder says
    // Of graphs that are worth keeping; null: all are made anew.
    std::shared_ptr<const GraphCache> cache;
    std::shared_ptr<runtime::MemoryRoom> memory_room;  // null: memory has no bound
    std::shared_ptr<const Log> log = Log::silent();
  };
  // Prepares what `use` needs.
  static Result<std::shared_ptr<LoadedModel>> create(Parts parts, Use use);

  const ModelReport& report() const override { return report_; }
  Result<EmbedResult> embed(const std::vector<std::string>& texts,
                            const EmbedOptions& options) override;
  Result<std::unique_ptr<EmbeddingStream>> embed_stream(const EmbedStreamOptions& options) override;
  Result<InferResult> infer(const NamedTensors& inputs, const InferOptions& options) override;
  Result<std::unique_ptr<TaskStream>> run_stream(const RunOptions& options) override;
  Result<RunResult> run(std::vector<TaskInput> inputs, const RunOptions& options) override;
  Result<std::unique_ptr<PendingItem>> submit(TaskInput input,
                                              const SubmitOptions& options) override;
  Status prepare(const std::string& task, const TaskOptions& options) override {
    return plan(task, options).status();
  }
  bool prepared(const std::string& task, const TaskOptions& options) const override;
  ModelStatistics statistics() const override;
  Result<std::vector<TextToken>> tokenize(const std::string& text, bool special_tokens) override;
  Result<std::string> decode(const std::vector<int32_t>& ids, bool skip_special_tokens) override;
  Result<std::vector<GraphReport>> graphs() override;
  Status unload() override;
  // Compiles for what `options` names and runs it in every session (warm_up.cc). INVALID_ARGUMENT
  // for what is none of the model's.
  Status warm_up(const LoadOptions& options);

  // The sessions of what it is for, to be timed.
  Result<TunedModel> tuned(const std::shared_ptr<LoadedModel>& self);

 private:
  struct WarmUpRun;
  Result<std::vector<WarmUpRun>> warm_up_runs(const LoadOptions& options);
  Result<std::vector<WarmUpRun>> embedded_text_runs(const std::vector<std::string>& texts);
  Result<std::vector<WarmUpRun>> task_text_runs(const LoadOptions& options);
  Result<std::vector<WarmUpRun>> shape_runs(const LoadOptions& options);

  LoadedModel(Parts parts, ModelReport report);
  using EmbeddingModelPtr = std::shared_ptr<const pipelines::EmbeddingModel>;
  using GraphPtr = std::shared_ptr<CompiledGraph>;

  pipelines::EmbeddingModel embedding_model_of(
      std::shared_ptr<const text::Tokenizer> tokenizer) const;
  Result<EmbeddingModelPtr> embedding_model();
  // What the user wants it to compute, or what its folder says.
  Result<models::Head> head_of() const;
  // FAILED_PRECONDITION for a model without one.
  Result<std::shared_ptr<const text::Tokenizer>> tokenizer();
  // The task called `name`, or the one that the model is for.
  Result<const pipelines::Task*> task_for(const std::string& name) const;
  Result<std::shared_ptr<const pipelines::TaskModel>> task_model();
  // What items of the task called `name` have in common, made once.
  Result<std::shared_ptr<const pipelines::TaskPlan>> plan(const std::string& name,
                                                          const TaskOptions& options = {});
  Result<pipelines::TaskPlan> make_plan(const pipelines::Task& task, bool normalize);
  Result<RunResult> run_one(TaskInput input, const RunOptions& options);
  Result<EmbedResult> embed_one(const pipelines::EmbeddingModel& model, CompiledGraph& ready,
                                const std::string& text, const EmbedOptions& options) const;
  // The graph of embed() with the folder's normalisation.
  Result<GraphPtr> embedding_graph();
  // The graph for `request`, compiled at most once.
  Result<GraphPtr> graph(const models::GraphRequest& request);
  Result<GraphPtr> compile(const models::GraphRequest& request) const;
  std::vector<runtime::StandIn> stand_ins(const models::GraphRequest& request) const;
  Result<CachedModel> compile_for(const models::GraphRequest& request,
                                  const backend::CompileOptions& options,
                                  std::vector<std::shared_ptr<const MappedFile>>& sources) const;
  Result<CachedModel> compile_cached(const models::GraphRequest& request,
                                     const backend::CompileOptions& options, const Keeping& keep,
                                     std::vector<std::shared_ptr<const MappedFile>>& sources) const;

  const Parts parts_;
  const ModelReport report_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  bool loaded_ = true;
  EmbeddingModelPtr embedding_model_;
  std::shared_ptr<const pipelines::TaskModel> task_model_;
  std::map<std::string, GraphPtr> graphs_;  // by the request as text
  std::map<std::string, std::shared_ptr<const pipelines::TaskPlan>>
      plans_;  // by the name asked for, and whether embeddings keep their length
};

}  // namespace accel::engine
