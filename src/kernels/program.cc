#include "kernels/program.h"

#include <algorithm>
#include <utility>

namespace accel::kernels {
namespace {

// Every value that a step reads.
std::vector<Value> reads(const Step& step) {
  if (const auto* dense = std::get_if<DenseStep>(&step)) {
    if (dense->residual == kNoValue) return {dense->x};
    return {dense->x, dense->residual};
  }
  const auto& attention = std::get<AttentionStep>(step);
  return {attention.query, attention.key, attention.value};
}

// The first of them: its batch and length are those of the result.
Value first_read(const Step& step) { return reads(step).front(); }

}  // namespace

// Blocks of memory that no call is using.
struct Program::Memory {
  // More than this is given back to the system: a call of such a size does not notice.
  static constexpr int64_t kKeptFloatsMax = int64_t{16} << 20;

  struct Block {
    int64_t floats = 0;
    AlignedFloats data{0};
  };

  Block take(int64_t floats) {
    {
      const std::lock_guard lock(mutex);
      if (!blocks.empty()) {
        Block block = std::move(blocks.back());
        blocks.pop_back();
        if (block.floats >= floats) return block;
      }
    }
    return {floats, AlignedFloats(floats)};
  }

  void give_back(Block block) {
    if (block.floats > kKeptFloatsMax) return;
    const std::lock_guard lock(mutex);
    blocks.push_back(std::move(block));
  }

  std::mutex mutex;
  std::vector<Block> blocks;  // guarded by mutex
};

Program::Program(ProgramParts parts)
    : parts_(std::move(parts)), widths_(parts_.input_widths), memory_(std::make_unique<Memory>()) {
  for (size_t i = 0; i < widths_.size(); ++i) origins_.push_back(static_cast<Value>(i));
  for (const Step& step : parts_.steps) {
    origins_.push_back(rows_from(first_read(step)));
    const auto* dense = std::get_if<DenseStep>(&step);
    widths_.push_back(dense != nullptr ? dense->layer->out() : width(first_read(step)));
  }
  plan_stages();
  plan_memory();
  if (parts_.timed) totals_ = std::make_unique<StepTotals>(parts_.steps.size());
}

Program::~Program() = default;

std::vector<double> Program::step_seconds() const {
  return totals_ == nullptr ? std::vector<double>() : totals_->seconds();
}

// A step joins those before it unless it reads a result of theirs.
void Program::plan_stages() {
  const size_t inputs = parts_.input_widths.size();
  size_t first_of_stage = 0;
  for (size_t i = 0; i < parts_.steps.size(); ++i) {
    const std::vector<Value> needed = reads(parts_.steps[i]);
    const bool waits = std::ranges::any_of(
        needed, [&](Value value) { return static_cast<size_t>(value) >= inputs + first_of_stage; });
    if (stages_.empty() || waits) {
      stages_.emplace_back();
      first_of_stage = i;
    }
    stages_.back().push_back(i);
  }
}

// A result lies where another did that has been read for the last time in an earlier stage.
void Program::plan_memory() {
  const size_t inputs = parts_.input_widths.size();
  std::vector<size_t> last_stage(widths_.size(), 0);
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (const size_t step : stages_[stage]) {
      for (const Value value : reads(parts_.steps[step])) {
        last_stage[static_cast<size_t>(value)] = stage;
      }
    }
  }
  slots_.assign(widths_.size(), -1);
  std::vector<size_t> busy_until;  // of each slot
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    for (const size_t step : stages_[stage]) {
      const size_t value = inputs + step;
      if (std::ranges::count(parts_.outputs, static_cast<Value>(value)) > 0) continue;
      auto slot = std::ranges::find_if(busy_until, [&](size_t until) { return until < stage; });
      if (slot == busy_until.end()) slot = busy_until.insert(slot, 0);
      *slot = std::max(last_stage[value], stage);
      slots_[value] = static_cast<int>(slot - busy_until.begin());
    }
  }
  slot_count_ = static_cast<int>(busy_until.size());
}

// One call: where everything lies, and the stages that do it.
class ProgramRun {
 public:
  ProgramRun(const Program& program, const ProgramCall& call, const Threads& threads)
      : program_(program), call_(call), threads_(threads) {
    lay_out();
  }

  void run() {
    std::vector<Stage> stages;
    for (const std::vector<size_t>& steps : program_.stages_) {
      Stage norms;
      stages.push_back(together(steps, stages.size(), norms));
      if (norms.tasks > 0) stages.push_back(std::move(norms));
    }
    watch_.begin();
    run_stages(stages, threads_);
    if (program_.totals_ != nullptr) watch_.add_to(*program_.totals_);
    program_.memory_->give_back(std::move(memory_));
  }

 private:
  struct Rows {
    int64_t batch;
    int64_t length;
    int64_t count() const { return batch * length; }
  };

  const Step& step(size_t i) const { return program_.parts_.steps[i]; }
  Value result_of(size_t i) const {
    return static_cast<Value>(program_.parts_.input_widths.size() + i);
  }
  Rows rows(Value value) const {
    const ProgramInput& input = call_.inputs[static_cast<size_t>(program_.rows_from(value))];
    return {input.batch, input.length};
  }
  int64_t floats(Value value) const {
    return padded_columns(rows(value).count() * program_.width(value));
  }
  const float* at(Value value) const {
    return value == kNoValue ? nullptr : pointers_[static_cast<size_t>(value)];
  }

  AttentionShape shape_of(const AttentionStep& attention) const {
    return {.batch = rows(attention.query).batch,
            .length_q = rows(attention.query).length,
            .length_k = rows(attention.key).length,
            .heads = attention.heads,
            .head_size = program_.width(attention.query) / attention.heads,
            .scale = attention.scale};
  }

  // Memory for the slots, then scratch for the attention of the stage that needs most.
  void lay_out() {
    std::vector<int64_t> sizes(static_cast<size_t>(program_.slot_count_), 0);
    for (size_t v = 0; v < program_.slots_.size(); ++v) {
      if (program_.slots_[v] < 0) continue;
      int64_t& size = sizes[static_cast<size_t>(program_.slots_[v])];
      size = std::max(size, floats(static_cast<Value>(v)));
    }
    std::vector<int64_t> offsets;
    int64_t total = 0;
    for (const int64_t size : sizes) offsets.push_back(std::exchange(total, total + size));
    int64_t scratch = 0;
    for (const std::vector<size_t>& steps : program_.stages_) {
      scratch = std::max(scratch, lay_out_scratch(steps));
    }
    memory_ = program_.memory_->take(total + scratch);
    scratch_ = memory_.data.data() + total;

    for (const ProgramInput& input : call_.inputs) {
      pointers_.push_back(const_cast<float*>(input.data));  // only read: no step's result
    }
    for (size_t v = call_.inputs.size(); v < program_.slots_.size(); ++v) {
      const int slot = program_.slots_[v];
      pointers_.push_back(slot < 0 ? output(static_cast<Value>(v))
                                   : memory_.data.data() + offsets[static_cast<size_t>(slot)]);
    }
  }

  float* output(Value value) const {
    const auto& outputs = program_.parts_.outputs;
    return call_.outputs[static_cast<size_t>(std::ranges::find(outputs, value) - outputs.begin())];
  }

  // Where each attention of a stage has its scratch; returns how much they need together.
  int64_t lay_out_scratch(const std::vector<size_t>& steps) {
    int64_t total = 0;
    scratch_offsets_.resize(program_.parts_.steps.size());
    for (const size_t i : steps) {
      const auto* attention = std::get_if<AttentionStep>(&step(i));
      if (attention == nullptr) continue;
      const AttentionShape shape = shape_of(*attention);
      scratch_offsets_[i] = total;
      total += attention_tasks(shape, threads_.count) * attention_task_floats(shape);
    }
    return total;
  }

  // The tasks of several steps as one stage; those of the normalisations that are left, as another.
  // The stage is the run's `number`-th.
  Stage together(const std::vector<size_t>& steps, size_t number, Stage& norms) {
    std::vector<Stage> parts;
    std::vector<Stage> norm_parts;
    std::vector<size_t> norm_steps;
    for (const size_t i : steps) {
      if (const auto* dense = std::get_if<DenseStep>(&step(i))) {
        parts.push_back(watched(dense_stage(*dense, result_of(i), norm_parts), number, i));
        if (norm_steps.size() < norm_parts.size()) norm_steps.push_back(i);
      } else {
        parts.push_back(watched(attention_stage(std::get<AttentionStep>(step(i)), i), number, i));
      }
    }
    for (size_t i = 0; i < norm_parts.size(); ++i) {
      norm_parts[i] = watched(std::move(norm_parts[i]), number + 1, norm_steps[i]);
    }
    norms = joined(std::move(norm_parts));
    return joined(std::move(parts));
  }

  Stage watched(Stage stage, size_t number, size_t step) {
    if (program_.totals_ == nullptr) return stage;
    return watch_.watched(std::move(stage), number, step);
  }

  static Stage joined(std::vector<Stage> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    int tasks = 0;
    for (const Stage& part : parts) tasks += part.tasks;
    return {tasks, [parts = std::move(parts)](int task) {
              size_t i = 0;
              for (; task >= parts[i].tasks; ++i) task -= parts[i].tasks;
              parts[i].task(task);
            }};
  }

  Stage dense_stage(const DenseStep& dense, Value result, std::vector<Stage>& norms) const {
    constexpr int64_t kRowsPerNorm = 8;
    const DenseLayer* layer = dense.layer.get();
    float* y = pointers_[static_cast<size_t>(result)];
    const DenseRows call{at(dense.x), at(dense.residual), y, rows(result).count()};
    const DenseCut cut = layer->cut(call.rows, threads_.count);
    if (layer->leaves_norm(cut)) {
      const auto tasks =
          static_cast<int>(std::clamp<int64_t>(call.rows / kRowsPerNorm, 1, threads_.count));
      norms.push_back(
          {tasks, [=, rows = call.rows](int task) { layer->norm(y, rows, tasks, task); }});
    }
    return {cut.tasks(), [=](int task) { layer->run(call, cut, task); }};
  }

  Stage attention_stage(const AttentionStep& step, size_t i) const {
    const AttentionShape shape = shape_of(step);
    const AttentionTensors tensors{at(step.query), at(step.key), at(step.value),
                                   pointers_[static_cast<size_t>(result_of(i))]};
    const AttentionMask mask =
        step.mask < 0 ? AttentionMask{} : call_.masks[static_cast<size_t>(step.mask)];
    const int tasks = attention_tasks(shape, threads_.count);
    float* scratch = scratch_ + scratch_offsets_[i];
    return {tasks, [=, table = step.table, floats = attention_task_floats(shape)](int task) {
              attention(*table, shape, tensors, mask, {task, tasks, scratch + task * floats});
            }};
  }

  const Program& program_;
  const ProgramCall& call_;
  const Threads& threads_;
  RunWatch watch_;
  Program::Memory::Block memory_;
  float* scratch_ = nullptr;
  std::vector<int64_t> scratch_offsets_;  // of each step
  std::vector<float*> pointers_;          // to each value
};

void Program::run(const ProgramCall& call, const Threads& threads) const {
  ProgramRun(*this, call, threads).run();
}

}  // namespace accel::kernels
