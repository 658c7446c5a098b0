#include "pipelines/submitted_item.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>

#include "base/stopwatch.h"
#include "base/try.h"
#include "pipelines/fallback_report.h"
#include "pipelines/ran_on.h"

namespace accel::pipelines {
namespace {

// Rows of an item that run at one graph and, by its rules, on the same devices.
struct GraphRows {
  const TaskGraph* graph = nullptr;
  size_t route = 0;
  std::vector<runtime::Row> rows;
  bool by_rules = false;       // results name the device
  std::vector<size_t> places;  // among the item's rows
};

// An item on its way, from its rows to its answer.
struct Item {
  std::shared_ptr<const TaskModel> model;  // which `finish` refers to
  std::shared_ptr<RowMemory> memory;
  std::shared_ptr<const RunReport> report;
  decltype(Prepared::finish) finish;
  std::vector<GraphRows> parts;
  std::vector<std::string> keys;      // of each row in the memory; empty: it does not recur
  std::vector<NamedTensors> outputs;  // of each row
  ItemResult result;
};

Result<Item> prepare_item(const TaskPlan& plan, TaskInput input, const SubmitOptions& options) {
  const auto start = Clock::now();
  ACCEL_ASSIGN(Prepared prepared,
               prepare(*plan.task, *plan.model, std::move(input), options.options));
  Item item{.model = plan.model,
            .memory = plan.memory,
            .report = plan.report,
            .finish = std::move(prepared.finish)};
  item.outputs.resize(prepared.rows.size());
  item.keys.resize(prepared.rows.size());
  for (size_t row = 0; row < prepared.rows.size(); ++row) {
    item.result.tokens += runtime::tokens_of(prepared.rows[row]);
    if (row < prepared.recurring_rows) {
      item.keys[row] = RowMemory::key(prepared.rows[row]);
      if (auto known = plan.memory->find(item.keys[row])) {
        item.outputs[row] = std::move(*known);
        continue;
      }
    }
    const TaskGraph* graph = plan.graph_of(prepared.rows[row]);
    if (graph == nullptr) return internal_error("a row has no input of the task's graphs");
    const size_t route = graph->pool->routes().route_of(
        runtime::facts_of(prepared.rows[row], std::ssize(prepared.rows)));
    auto part = std::ranges::find_if(item.parts, [&](const GraphRows& known) {
      return known.graph == graph && known.route == route;
    });
    if (part == item.parts.end()) {
      item.parts.push_back(
          {.graph = graph, .route = route, .by_rules = !graph->pool->routes().rules.empty()});
      part = item.parts.end() - 1;
    }
    part->rows.push_back(std::move(prepared.rows[row]));
    part->places.push_back(row);
  }
  item.result.times.prepare = seconds_since(start) * 1000;
  return item;
}

runtime::Submission submission_of(GraphRows& part, const SubmitOptions& options) {
  runtime::Submission submission{
      .rows = std::move(part.rows),
      .lane = options.bulk ? runtime::Lane::kBulk : runtime::Lane::kInteractive,
      .priority = options.priority};
  if (options.timeout_ms) {
    submission.deadline =
        Clock::now() +
        std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double, std::milli>(std::max(*options.timeout_ms, 0.0)));
  }
  return submission;
}

void take_outputs(Item& item, const GraphRows& part, runtime::RowsAnswer answer) {
  const runtime::RowsReport& ran = answer.report;
  ItemTimes& times = item.result.times;
  BatchReport& batch = item.result.batch;
  times.queue = std::max(times.queue, ran.queue_seconds * 1000);
  times.infer = std::max(times.infer, ran.infer_seconds * 1000);
  batch.rows = ran.batch_rows;
  batch.tokens = ran.batch_tokens;
  batch.padded_tokens += ran.padded_tokens;
  batch.device = ran.device;
  if (ran.fallback) {
    auto report = std::make_shared<RunReport>(*item.report);
    tell_fallback(ran.fallback.get(), *report);
    item.report = std::move(report);
  }
  if (part.by_rules) add_device(item.result.result.device, ran.device);
  for (size_t i = 0; i < part.places.size(); ++i) {
    const size_t row = part.places[i];
    item.outputs[row] = std::move(answer.outputs[i]);
    if (ran.fallback || item.keys[row].empty()) continue;  // others expect what the graph says
    item.memory->keep(item.keys[row], item.outputs[row]);
  }
}

Result<ItemResult> finish_item(Item& item) {
  const auto start = Clock::now();
  std::string device = std::move(item.result.result.device);
  ACCEL_ASSIGN(item.result.result, item.finish(item.outputs));
  item.result.result.device = std::move(device);
  ItemTimes& times = item.result.times;
  times.finish = seconds_since(start) * 1000;
  times.total = times.prepare + times.queue + times.infer + times.finish;
  item.result.report = item.report;
  return std::move(item.result);
}

class SubmittedItem : public PendingItem {
 public:
  SubmittedItem(Item item, const SubmitOptions& options) : item_(std::move(item)) {
    for (GraphRows& part : item_.parts) {
      const std::shared_ptr<runtime::Batcher> batcher = part.graph->batchers[part.route];
      runtime::Submission submission = submission_of(part, options);
      // Several run beside each other.
      const bool here = options.here_ms > 0 && item_.parts.size() == 1;
      tickets_.push_back(here ? batcher->submit_here(std::move(submission), options.here_ms / 1000)
                              : batcher->submit(std::move(submission)));
      part.graph = nullptr;  // the plan may end before this does
    }
  }
  ~SubmittedItem() override { cancel(); }

  bool ready() const override {
    return std::ranges::all_of(tickets_, [](const auto& ticket) { return ticket->ready(); });
  }

  Result<ItemResult> get() override {
    if (taken_.exchange(true)) return failed_precondition("the answer was taken already");
    for (size_t i = 0; i < tickets_.size(); ++i) {
      Result<runtime::RowsAnswer> answer = tickets_[i]->take();
      if (!answer.ok()) {
        cancel();
        return answer.status();
      }
      take_outputs(item_, item_.parts[i], std::move(*answer));
    }
    return finish_item(item_);
  }

  void cancel() override {
    for (const auto& ticket : tickets_) ticket->cancel();
  }

  void notify(std::function<void()> waker) override {
    if (tickets_.empty()) return waker();
    const auto left = std::make_shared<std::atomic<size_t>>(tickets_.size());
    for (const auto& ticket : tickets_) {
      ticket->notify([left, waker] {
        if (--*left == 0) waker();
      });
    }
  }

 private:
  Item item_;
  std::vector<std::shared_ptr<runtime::Ticket>> tickets_;  // of each part
  std::atomic<bool> taken_ = false;
};

}  // namespace

Result<std::unique_ptr<PendingItem>> submit_item(const TaskPlan& plan, TaskInput input,
                                                 const SubmitOptions& options) {
  ACCEL_ASSIGN(Item item, prepare_item(plan, std::move(input), options));
  return std::unique_ptr<PendingItem>(std::make_unique<SubmittedItem>(std::move(item), options));
}

Result<ItemResult> run_item(const TaskPlan& plan, TaskInput input, const SubmitOptions& options) {
  SubmitOptions here = options;
  here.here_ms = std::numeric_limits<double>::infinity();
  ACCEL_ASSIGN(Item item, prepare_item(plan, std::move(input), here));
  return SubmittedItem(std::move(item), here).get();
}

}  // namespace accel::pipelines
