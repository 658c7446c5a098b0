// Dense layers and attention that read each other's results, run as one call. Threads meet between
// the steps instead of being woken for each, steps that do not need each other run at the same
// time, and results that nobody outside reads share one piece of memory.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kernels/attention.h"
#include "kernels/dense.h"
#include "kernels/program_times.h"
#include "kernels/stages.h"

namespace accel::kernels {

// Values are numbered: the inputs first, then the result of each step. A step reads earlier ones.
using Value = int;
constexpr Value kNoValue = -1;

struct DenseStep {
  std::shared_ptr<const DenseLayer> layer;
  Value x;
  Value residual = kNoValue;
};

struct AttentionStep {
  const KernelTable* table;
  int64_t heads;
  float scale;
  Value query;
  Value key;
  Value value;
  int mask = -1;  // which of run()'s masks; -1: none
};

using Step = std::variant<DenseStep, AttentionStep>;

struct ProgramParts {
  std::vector<int64_t> input_widths;
  std::vector<Step> steps;
  std::vector<Value> outputs;      // results of steps, each once
  std::vector<std::string> names;  // of the steps, for reports
  bool timed = false;              // step_seconds() is asked for
};

// [batch, length, width]. Dense layers only see batch * length rows.
struct ProgramInput {
  const float* data;
  int64_t batch;
  int64_t length;
};

struct ProgramCall {
  std::span<const ProgramInput> inputs;
  std::span<const AttentionMask> masks;
  // [batch, length, width] with the batch and length of the value that the steps began with: `x` of
  // a dense layer, `query` of attention. Overlaps no input.
  std::span<float* const> outputs;
};

// Safe from any thread; calls at the same time have memory of their own.
class Program {
 public:
  explicit Program(ProgramParts parts);
  ~Program();

  int64_t width(Value value) const { return widths_[static_cast<size_t>(value)]; }
  // The input that gives `value` its batch and length.
  Value rows_from(Value value) const { return origins_[static_cast<size_t>(value)]; }
  const ProgramParts& parts() const { return parts_; }

  void run(const ProgramCall& call, const Threads& threads) const;

  // What each step took in all runs so far; empty unless the program is timed.
  std::vector<double> step_seconds() const;

 private:
  friend class ProgramRun;

  void plan_stages();
  void plan_memory();

  ProgramParts parts_;
  std::vector<int64_t> widths_;              // of each value
  std::vector<Value> origins_;               // of each value: rows_from()
  std::vector<std::vector<size_t>> stages_;  // steps that run at the same time
  std::vector<int> slots_;                   // of each value: where in memory; -1: outside
  int slot_count_ = 0;

  struct Memory;
  std::unique_ptr<Memory> memory_;      // of earlier calls, for later ones
  std::unique_ptr<StepTotals> totals_;  // null: not timed
};

}  // namespace accel::kernels
