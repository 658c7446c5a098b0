// Submitting: an item handed to a model without waiting for its answer.
//
//   auto pending = model->submit({.text = "What a lovely day!"});
//   ...
//   auto item = (*pending)->get();
//   if (item.ok()) std::cout << accel::to_json(item->result) << " in " << item->times.total_ms;
//
// What many callers submit at the same time runs together, as much as is quickest on this machine;
// nothing waits for company.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/isolation.h"
#include "accel/status.h"
#include "accel/task.h"

namespace accel {

struct RunReport;

struct SubmitOptions {
  std::string task;  // by the Hub's name; empty: what the model is for
  TaskOptions options;
  // Nobody waits for it: it runs in the time that others leave.
  bool bulk = false;
  int priority = 0;  // greater goes first, among the bulk ones or among the others
  // DEADLINE_EXCEEDED when it has not begun to run so many milliseconds after submit().
  std::optional<double> timeout_ms;
  // Where nothing waits before it and, by what was measured, it takes no longer than this, it runs
  // on the calling thread before submit() returns: two threads need not be woken. 0: never. An item
  // of several graphs, or of a model in a process of its own, never does.
  double here_ms = 0;
};

// Where an item's time went, in milliseconds.
struct ItemTimes {
  double prepare = 0;  // tokenising, decoding
  double queue = 0;    // until it ran
  double infer = 0;    // in the engine, with the rest of its batch
  double finish = 0;   // from numbers to an answer
  double total = 0;    // the sum
};

// The company in which an item ran; of one that was cut into several batches, its last.
struct BatchReport {
  int64_t rows = 0;
  int64_t tokens = 0;         // with padding; 0: no texts
  int64_t padded_tokens = 0;  // of the item's own rows
  std::string device;         // that ran it
};

struct ItemResult {
  TaskResult result;
  ItemTimes times;
  BatchReport batch;
  int64_t tokens = 0;  // of its own texts, special ones included; 0: no texts
  std::shared_ptr<const RunReport> report;
};

// An item under way. It ends exactly once: with an answer, an error of the engine, CANCELLED,
// DEADLINE_EXCEEDED, or RESOURCE_EXHAUSTED when too much waits already; the message says when to
// try again. Safe from any thread. May outlive its model, whose unloading ends it with CANCELLED.
class ACCEL_API PendingItem {
 public:
  virtual ~PendingItem() = default;  // cancels it

  virtual bool ready() const = 0;        // get() would not wait
  virtual Result<ItemResult> get() = 0;  // waits; once
  virtual void cancel() = 0;             // what runs already runs on, for nobody
  // `waker` is called once, from any thread, when the item has ended, at once if it has. It must
  // not block, nor call get().
  virtual void notify(std::function<void()> waker) = 0;
};

// What a model has done since it was loaded.
struct ModelStatistics {
  uint64_t submitted = 0;
  uint64_t answered = 0;
  uint64_t failed = 0;
  uint64_t cancelled = 0;
  uint64_t late = 0;
  uint64_t refused = 0;    // because too much waited
  uint64_t waiting = 0;    // rows, now
  uint64_t fallbacks = 0;  // runs whose engine failed and that another place answered
  uint64_t batches = 0;
  uint64_t rows = 0;
  uint64_t tokens = 0;  // with padding
  uint64_t padded_tokens = 0;
  // What each instance of the model did.
  struct Share {
    std::string device;
    // As given; without, how many times as fast as the slowest, or 0 until that is known.
    double weight = 0;
    uint64_t rows = 0;
    uint64_t batches = 0;
    double worked_seconds = 0;
  };
  std::vector<Share> shares;
  std::vector<WorkerReport> workers;  // of Isolation::kProcess
  uint64_t hangs = 0;  // of Isolation::kThread: runs that were given up, by hang_seconds
};

}  // namespace accel
