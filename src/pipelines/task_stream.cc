#include "pipelines/task_stream.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "pipelines/fallback_report.h"
#include "pipelines/ran_on.h"

namespace accel::pipelines {

namespace {

// Items with a file become large when it is decoded, and so do answers about images.
constexpr size_t kItemsOfGroupMax = 64;
constexpr size_t kFilesOfGroupMax = 8;
constexpr size_t kBytesOfGroupMax = size_t{16} << 20;
constexpr size_t kBytesInFlightMax = size_t{64} << 20;

size_t bytes_of(const TaskInput& input) {
  size_t bytes = input.text.size() + (input.second_text ? input.second_text->size() : 0) +
                 (input.media ? input.media->size() : 0);
  for (const std::string& choice : input.choices) bytes += choice.size();
  return bytes;
}

// A group holds a batch.
size_t group_max(const TaskInput& input, int64_t batch_rows) {
  return input.media ? std::max(kFilesOfGroupMax, static_cast<size_t>(batch_rows))
                     : kItemsOfGroupMax;
}

}  // namespace

// Items on their way through the model: the rows of all of them, side by side.
struct PooledTaskStream::Group {
  std::vector<Status> failures;  // of each item
  std::vector<decltype(Prepared::finish)> finish;
  std::vector<runtime::Row> rows;
  double decode_seconds = 0;
  double infer_seconds = 0;  // without the wait for a session
  FallbackPtr fallback;      // of rows that ran elsewhere
  // Of each row:
  std::vector<size_t> owners;         // the item
  std::vector<std::string> keys;      // in the memory; empty: it does not recur
  std::vector<NamedTensors> outputs;  // empty: not computed yet
  std::vector<std::string> devices;   // that ran it, where rules choose; else empty
};

PooledTaskStream::PooledTaskStream(std::shared_ptr<const TaskPlan> plan, TaskStreamOptions options)
    : plan_(std::move(plan)), task_report_(report_of(*plan_->task)), options_(std::move(options)) {
  const int workers = std::max(options_.workers, plan_->graphs.front().pool->size());
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

PooledTaskStream::~PooledTaskStream() {
  cancel();
  for (std::thread& worker : workers_) worker.join();
}

Status PooledTaskStream::push(TaskInput input) {
  auto item = std::make_unique<Item>();
  item->bytes = bytes_of(input);
  item->input = std::move(input);
  std::unique_lock lock(mutex_);
  const size_t items_max = 4 * group_max(item->input, options_.batch_rows) * workers_.size();
  to_caller_.wait(lock, [&] {
    return stopped_ || closed_ || (items_.size() < items_max && bytes_ < kBytesInFlightMax);
  });
  if (stopped_) return cancelled("the stream was cancelled");
  if (closed_) return failed_precondition("push() after close()");
  bytes_ += item->bytes;
  items_.push_back(std::move(item));
  to_workers_.notify_one();
  return {};
}

void PooledTaskStream::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  to_workers_.notify_all();
  to_caller_.notify_all();
}

void PooledTaskStream::cancel() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  to_workers_.notify_all();
  to_caller_.notify_all();
}

TaskTimes PooledTaskStream::times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}

RunReport PooledTaskStream::report() const {
  RunReport report = *plan_->report;
  const std::lock_guard lock(mutex_);
  tell_fallback(fallback_.get(), report);
  return report;
}

std::optional<Result<TaskResult>> PooledTaskStream::next() {
  std::unique_lock lock(mutex_);
  to_caller_.wait(lock, [&] {
    return stopped_ || (items_.empty() ? closed_ : items_.front()->result.has_value());
  });
  if (stopped_ || items_.empty()) return std::nullopt;
  const std::unique_ptr<Item> item = std::move(items_.front());
  items_.pop_front();
  --taken_;
  bytes_ -= item->bytes;
  to_caller_.notify_all();
  return std::move(item->result);
}

void PooledTaskStream::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    to_workers_.wait(lock, [&] { return stopped_ || closed_ || taken_ < items_.size(); });
    if (stopped_ || taken_ == items_.size()) return;
    // A fair share of what is there: every worker has something, and few batches are small.
    const size_t waiting = items_.size() - taken_;
    const size_t share = (waiting + workers_.size() - 1) / workers_.size();
    std::vector<Item*> items;
    std::vector<TaskInput*> inputs;
    const size_t most = std::min(share, group_max(items_[taken_]->input, options_.batch_rows));
    size_t bytes = 0;
    while (items.size() < most && bytes < kBytesOfGroupMax) {
      items.push_back(items_[taken_++].get());
      inputs.push_back(&items.back()->input);
      bytes += items.back()->bytes;
    }
    lock.unlock();
    TaskTimes times;
    FallbackPtr fallback;
    std::vector<Result<TaskResult>> results = run(inputs, times, fallback);
    lock.lock();
    if (fallback) fallback_ = std::move(fallback);
    for (size_t i = 0; i < items.size(); ++i) items[i]->result = std::move(results[i]);
    times_.prepare += times.prepare;
    times_.decode += times.decode;
    times_.infer += times.infer;
    times_.finish += times.finish;
    to_caller_.notify_all();
  }
}

std::vector<Result<TaskResult>> PooledTaskStream::run(std::span<TaskInput* const> inputs,
                                                      TaskTimes& times, FallbackPtr& fallback) {
  Group group;
  const auto start = Clock::now();
  prepare_all(inputs, group);
  times.prepare = seconds_since(start);
  times.decode = group.decode_seconds;
  run_all(group);
  times.infer = group.infer_seconds;
  fallback = group.fallback;
  const auto computed = Clock::now();
  std::vector<Result<TaskResult>> results;
  size_t row = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t begin = row;
    std::string device;
    for (; row < group.owners.size() && group.owners[row] == i; ++row) {
      if (!group.devices[row].empty()) add_device(device, group.devices[row]);
    }
    const auto outputs = std::span(group.outputs).subspan(begin, row - begin);
    results.push_back(group.failures[i].ok() ? group.finish[i](outputs)
                                             : Result<TaskResult>(group.failures[i]));
    if (results.back().ok()) results.back()->device = std::move(device);
  }
  times.finish = seconds_since(computed);
  return results;
}

void PooledTaskStream::prepare_all(std::span<TaskInput* const> inputs, Group& group) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    Result<Prepared> prepared =
        prepare(*plan_->task, *plan_->model, std::move(*inputs[i]), options_.task);
    group.failures.push_back(prepared.status());
    group.finish.push_back(prepared.ok() ? std::move(prepared->finish) : nullptr);
    if (!prepared.ok()) continue;
    group.decode_seconds += prepared->decode_seconds;
    for (size_t row = 0; row < prepared->rows.size(); ++row) {
      const bool recurs = row < prepared->recurring_rows;
      group.keys.push_back(recurs ? RowMemory::key(prepared->rows[row]) : "");
      group.rows.push_back(std::move(prepared->rows[row]));
      group.owners.push_back(i);
    }
  }
  group.outputs.resize(group.rows.size());
  group.devices.resize(group.rows.size());
}

void PooledTaskStream::run_all(Group& group) {
  std::map<const TaskGraph*, std::vector<uint32_t>> rows_of;
  std::map<std::string_view, uint32_t> first_of;  // of the rows of one key
  for (uint32_t row = 0; row < group.rows.size(); ++row) {
    if (const std::string& key = group.keys[row]; !key.empty()) {
      if (!first_of.emplace(key, row).second) continue;
      if (auto known = plan_->memory->find(key)) {
        group.outputs[row] = std::move(*known);
        continue;
      }
    }
    rows_of[plan_->graph_of(group.rows[row])].push_back(row);
  }
  for (const auto& [graph, rows] : rows_of) {
    if (graph != nullptr) {
      run_all(*graph, rows, group);
      continue;
    }
    for (const uint32_t row : rows) {
      group.failures[group.owners[row]] = internal_error("a row has no input of the task's graphs");
    }
  }
  for (uint32_t row = 0; row < group.rows.size(); ++row) {
    if (group.keys[row].empty()) continue;
    const uint32_t first = first_of.at(group.keys[row]);
    if (group.outputs[first].empty()) {
      group.failures[group.owners[row]] = group.failures[group.owners[first]];
    } else if (row == first) {
      if (!group.fallback) plan_->memory->keep(group.keys[row], group.outputs[row]);
    } else {
      group.outputs[row] = group.outputs[first];
    }
  }
}

void PooledTaskStream::run_all(const TaskGraph& graph, std::span<const uint32_t> rows,
                               Group& group) {
  const runtime::ContentRoutes& routes = graph.pool->routes();
  if (!routes.any()) {
    run_route(graph, 0, rows, group);
    return;
  }
  std::map<size_t, std::vector<uint32_t>> rows_of;
  for (const uint32_t row : rows) {
    const auto together = std::ranges::count(group.owners, group.owners[row]);
    rows_of[routes.route_of(runtime::facts_of(group.rows[row], together))].push_back(row);
  }
  for (const auto& [route, chosen] : rows_of) run_route(graph, route, chosen, group);
}

void PooledTaskStream::run_route(const TaskGraph& graph, size_t route,
                                 std::span<const uint32_t> rows, Group& group) {
  std::vector<runtime::Row> members;
  for (const uint32_t row : rows) members.push_back(group.rows[row]);
  for (const runtime::RowBatch& batch : runtime::cut_row_batches(
           members, {.max_tokens = options_.batch_tokens, .max_rows = options_.batch_rows})) {
    std::vector<uint32_t> chosen;
    for (const uint32_t member : batch.rows) chosen.push_back(rows[member]);
    if (run_rows(graph, route, chosen, group).ok()) continue;
    // One row may be at fault; the others have a right to their answers.
    for (const uint32_t row : chosen) {
      Status status = run_rows(graph, route, {&row, 1}, group);
      if (!status.ok()) group.failures[group.owners[row]] = std::move(status);
    }
  }
}

Status PooledTaskStream::run_rows(const TaskGraph& graph, size_t route,
                                  std::span<const uint32_t> rows, Group& group) {
  std::vector<const runtime::Row*> members;
  for (const uint32_t row : rows) members.push_back(&group.rows[row]);
  int64_t longest = 1;
  for (const runtime::Row* row : members) longest = std::max(longest, runtime::tokens_of(*row));
  const int64_t cost = longest * std::ssize(members);
  ACCEL_ASSIGN(runtime::SessionPool::Lease session,
               graph.pool->acquire({.lane = runtime::Lane::kBulk,
                                    .tokens = cost,
                                    .waiting = cost * std::ssize(group.rows),
                                    .only = graph.pool->routes().masks[route]}));
  session.used_for(cost, std::ssize(members));
  const auto start = Clock::now();
  NamedTensors outputs;
  const Status ran = session->run(runtime::stack_rows(members, plan_->model->pad_id), outputs);
  group.infer_seconds += seconds_since(start);
  ACCEL_TRY(ran);
  if (session->fallback()) group.fallback = session->fallback();
  for (size_t i = 0; i < rows.size(); ++i) {
    group.outputs[rows[i]] = runtime::take_row(outputs, static_cast<int64_t>(i));
    if (!graph.pool->routes().rules.empty()) group.devices[rows[i]] = session.device();
  }
  if (graph.after_batch) graph.after_batch();
  return {};
}

}  // namespace accel::pipelines
