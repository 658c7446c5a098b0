// LoadedModel's first runs, before anybody waits for them: an engine makes its kernels for a shape
// when it first sees it, in each session for itself.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/try.h"
#include "engine/loaded_model.h"
#include "pipelines/task_plan.h"

namespace accel::engine {

// Inputs of a graph.
struct LoadedModel::WarmUpRun {
  std::shared_ptr<runtime::SessionPool> pool;
  NamedTensors inputs;
};

namespace {

std::string shape_text(const NamedShape& shape) {
  return shape.name + "=" + fmt::format("[{}]", fmt::join(shape.shape, ","));
}

// Ones where it is said what counts, else zeros: numbers that every model can take.
Tensor blank_tensor(const models::InputSpec& spec, const Shape& shape) {
  Tensor tensor = Tensor::allocate(spec.dtype, shape);
  if (spec.name.find("mask") == std::string_view::npos || spec.dtype != DType::kI64) return tensor;
  std::ranges::fill(std::span(reinterpret_cast<int64_t*>(tensor.mutable_data()),
                              static_cast<size_t>(tensor.count())),
                    1);
  return tensor;
}

// The shape that is given for an input, or for the one that it goes with.
const Shape* shape_for(const models::InputSpec& spec, const std::vector<NamedShape>& shapes) {
  for (const std::string_view name : {spec.name, spec.like, std::string_view("input_ids")}) {
    if (name == "input_ids" && name != spec.name && spec.dtype != DType::kI64) continue;
    const auto found = std::ranges::find(shapes, name, &NamedShape::name);
    if (found != shapes.end()) return &found->shape;
  }
  return nullptr;
}

Status check_warm_shape(const models::InputSpec& spec, const Shape& shape, int64_t max_tokens) {
  const bool right = std::ranges::equal(shape, spec.shape, [](int64_t size, int64_t expected) {
    return expected == -1 || size == expected;
  });
  if (!right) {
    return invalid_argument(fmt::format("{}: expected a shape like {}, found {}", spec.name,
                                        to_string(spec.shape), to_string(shape)));
  }
  if (spec.name == "input_ids" && max_tokens > 0 && shape.back() > max_tokens) {
    return invalid_argument(fmt::format("{}: expected at most {} tokens, found {}", spec.name,
                                        max_tokens, shape.back()));
  }
  return {};
}

// In each session of each device, so that none is left for the first request.
Status run_in_all_sessions(runtime::SessionPool& pool, const NamedTensors& inputs) {
  for (size_t member = 0; member < pool.statistics().size(); ++member) {
    const runtime::MemberMask only = runtime::MemberMask{1} << member;
    std::vector<runtime::SessionPool::Lease> leases;
    for (int i = 0; i < pool.size_of(only); ++i) {
      ACCEL_ASSIGN(runtime::SessionPool::Lease session, pool.acquire({.only = only}));
      session.used_for(0, 0);  // says nothing about its speed
      leases.push_back(std::move(session));
    }
    for (runtime::SessionPool::Lease& session : leases) {
      NamedTensors outputs;
      ACCEL_TRY(session->run(inputs, outputs));
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> warm_up_names(const LoadOptions& options) {
  std::vector<std::string> names;
  for (const std::string& text : options.warm_up_texts) {
    names.push_back(fmt::format("a text of {} bytes", text.size()));
  }
  for (const NamedShape& shape : options.warm_up_shapes) names.push_back(shape_text(shape));
  return names;
}

Result<std::vector<LoadedModel::WarmUpRun>> LoadedModel::embedded_text_runs(
    const std::vector<std::string>& texts) {
  ACCEL_ASSIGN(const EmbeddingModelPtr model, embedding_model());
  ACCEL_ASSIGN(const GraphPtr ready, embedding_graph());
  std::vector<WarmUpRun> runs;
  for (const std::string& text : texts) {
    ACCEL_ASSIGN(const std::string prompt, pipelines::find_prompt(*model, ""));
    ACCEL_ASSIGN(const pipelines::TokenizedText tokens,
                 pipelines::prepare(*model, prompt, text, /*strict=*/false));
    const runtime::Row row = pipelines::row_of(tokens);
    const runtime::Row* const rows[] = {&row};
    runs.push_back({ready->pool, runtime::stack_rows(rows, /*pad_id=*/0)});
  }
  return runs;
}

Result<std::vector<LoadedModel::WarmUpRun>> LoadedModel::task_text_runs(
    const LoadOptions& options) {
  ACCEL_ASSIGN(const auto ready, plan(options.task));
  std::vector<WarmUpRun> runs;
  for (const std::string& text : options.warm_up_texts) {
    ACCEL_ASSIGN(const pipelines::Prepared prepared,
                 pipelines::prepare(*ready->task, *ready->model, {.text = text}, {}));
    for (const runtime::Row& row : prepared.rows) {
      const pipelines::TaskGraph* graph = ready->graph_of(row);
      if (graph == nullptr) return internal_error("a row has no input of the task's graphs");
      const runtime::Row* const rows[] = {&row};
      runs.push_back({graph->pool, runtime::stack_rows(rows, ready->model->pad_id)});
    }
  }
  return runs;
}

Result<std::vector<LoadedModel::WarmUpRun>> LoadedModel::shape_runs(const LoadOptions& options) {
  models::Head head = models::Head::kBase;
  if (options.use != Use::kEmbed) {
    ACCEL_ASSIGN(head, head_of());
  }
  const std::vector<models::InputSpec> specs = parts_.folder->inputs(head);
  std::vector<std::string_view> known;
  for (const models::InputSpec& spec : specs) known.push_back(spec.name);
  for (const NamedShape& shape : options.warm_up_shapes) {
    if (std::ranges::find(known, shape.name) != known.end()) continue;
    return invalid_argument(fmt::format("expected inputs of the model ({}), found {}",
                                        fmt::join(known, ", "), shape.name));
  }
  // Each graph with the inputs that it takes.
  std::vector<std::pair<std::shared_ptr<runtime::SessionPool>, std::vector<std::string>>> graphs;
  if (options.use == Use::kEmbed) {
    ACCEL_ASSIGN(const GraphPtr ready, embedding_graph());
    graphs.push_back({ready->pool, {"input_ids", "attention_mask"}});
  } else if (options.use == Use::kRun) {
    ACCEL_ASSIGN(const auto ready, plan(options.task));
    for (const pipelines::TaskGraph& graph : ready->graphs) {
      graphs.emplace_back(graph.pool, graph.inputs);
    }
  } else {
    models::GraphRequest request{.head = head};
    for (const models::InputSpec& spec : specs) {
      const bool given = std::ranges::find(options.warm_up_shapes, spec.name, &NamedShape::name) !=
                         options.warm_up_shapes.end();
      if (given || spec.needed == models::Needed::kAlways) request.inputs.emplace_back(spec.name);
    }
    ACCEL_ASSIGN(const GraphPtr ready, graph(request));
    graphs.emplace_back(ready->pool, request.inputs);
  }
  std::vector<WarmUpRun> runs;
  for (const auto& [pool, names] : graphs) {
    WarmUpRun run{.pool = pool, .inputs = {}};
    for (const models::InputSpec& spec : specs) {
      if (std::ranges::find(names, spec.name) == names.end()) continue;
      const Shape* shape = shape_for(spec, options.warm_up_shapes);
      if (shape == nullptr) continue;
      ACCEL_TRY(check_warm_shape(spec, *shape, report_.max_tokens));
      run.inputs.push_back({std::string(spec.name), blank_tensor(spec, *shape)});
    }
    if (run.inputs.empty()) continue;  // a graph for inputs of another kind
    if (run.inputs.size() < names.size()) {
      return invalid_argument(fmt::format("expected shapes of {}, found {}", fmt::join(names, ", "),
                                          fmt::join(warm_up_names(options), ", ")));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

Result<std::vector<LoadedModel::WarmUpRun>> LoadedModel::warm_up_runs(const LoadOptions& options) {
  std::vector<WarmUpRun> runs;
  const auto add = [&](std::vector<WarmUpRun> more) {
    for (WarmUpRun& one : more) runs.push_back(std::move(one));
  };
  if (!options.warm_up_texts.empty()) {
    if (options.use == Use::kInfer) {
      return invalid_argument("infer() takes tensors: expected shapes, found a text");
    }
    ACCEL_ASSIGN(std::vector<WarmUpRun> texts, options.use == Use::kEmbed
                                                   ? embedded_text_runs(options.warm_up_texts)
                                                   : task_text_runs(options));
    add(std::move(texts));
  }
  if (!options.warm_up_shapes.empty()) {
    ACCEL_ASSIGN(std::vector<WarmUpRun> shapes, shape_runs(options));
    add(std::move(shapes));
  }
  return runs;
}

Status LoadedModel::warm_up(const LoadOptions& options) {
  if (options.warm_up_texts.empty() && options.warm_up_shapes.empty()) return {};
  ACCEL_ASSIGN(const std::vector<WarmUpRun> runs, warm_up_runs(options));
  for (const WarmUpRun& run : runs) ACCEL_TRY(run_in_all_sessions(*run.pool, run.inputs));
  return {};
}

}  // namespace accel::engine
