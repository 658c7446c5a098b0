#include "engine/local_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "base/json.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "base/work_queue.h"
#include "engine/shown_errors.h"
#include "hardware/limits.h"

namespace accel::engine {
namespace {

using service::Event;
using service::EventStream;

// So long a text is tokenised in less time than handing it to another thread takes.
constexpr size_t kShortBytes = 2048;
constexpr int kShortItems = 32;

Status gone() { return cancelled("the service has ended"); }

// What a stream and those who fill it share.
class Flow {
 public:
  // Ends with as many events, or with an error.
  explicit Flow(size_t events = 1) : left_(events) {}

  // Of whoever fills the stream. After its end they change nothing.
  void put(Event event) { put_entry({.event = std::move(event)}, /*last=*/false); }
  void fail(Status status) { put_entry({.event = std::move(status)}, /*last=*/true); }
  void put(Result<Event> event) {
    if (!event.ok()) return fail(event.status());
    put(std::move(*event));
  }
  // An item that has ended; the reader makes its answer.
  void put_item(size_t item, std::shared_ptr<PendingItem> pending) {
    put_entry({.item = item, .pending = std::move(pending)}, /*last=*/false);
  }
  bool cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

  // Of the reader.
  std::optional<Result<Event>> take() {
    std::unique_lock lock(mutex_);
    if (entries_.empty()) return std::nullopt;
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    lock.unlock();
    if (entry.pending == nullptr) return std::move(entry.event);
    return Result<Event>(service::ItemAnswer{entry.item, entry.pending->get()});  // does not wait
  }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return left_ == 0 && entries_.empty();
  }
  void notify(std::function<void()> waker) {
    {
      const std::lock_guard lock(mutex_);
      if (entries_.empty() && left_ > 0) {
        waker_ = std::move(waker);
        return;
      }
    }
    waker();
  }
  void cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    left_ = 0;
    entries_.clear();
    waker_ = nullptr;
  }

 private:
  struct Entry {
    std::optional<Result<Event>> event = std::nullopt;
    size_t item = 0;  // of `pending`, the event to be
    std::shared_ptr<PendingItem> pending = nullptr;
  };

  void put_entry(Entry entry, bool last) {
    std::function<void()> waker;
    {
      const std::lock_guard lock(mutex_);
      if (left_ == 0) return;
      entries_.push_back(std::move(entry));
      left_ = last ? 0 : left_ - 1;
      waker.swap(waker_);
    }
    if (waker) waker();
  }

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  size_t left_;  // events to be put
  std::deque<Entry> entries_;
  bool cancelled_ = false;
  std::function<void()> waker_;
};

using FlowPtr = std::shared_ptr<Flow>;

Clock::time_point deadline_of(const std::optional<double>& timeout_ms) {
  if (!timeout_ms) return Clock::time_point::max();
  const std::chrono::duration<double, std::milli> left(std::clamp(*timeout_ms, 0.0, 1e12));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(left);
}

std::optional<double> left_until(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return std::nullopt;
  return std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
}

// Whether tokenising it takes less time than handing it to another thread.
bool is_short(const service::RunItems& asked) {
  size_t bytes = 0;
  for (const TaskInput& item : asked.items) {
    if (item.media || !item.choices.empty() || item.second_text) return false;
    bytes += item.text.size() + kShortBytes / kShortItems;
    if (bytes > kShortBytes) return false;
  }
  return true;
}

// The items of one request at their model: a few at a time, so that others have their turn. It
// lives as long as its reader or an item under way.
class ItemRun : public std::enable_shared_from_this<ItemRun> {
 public:
  ItemRun(service::RunItems asked, int at_once, WorkQueue::Entrance workers, FlowPtr flow)
      : asked_(std::move(asked)),
        count_(asked_.items.size()),
        at_once_(static_cast<size_t>(std::max(at_once, kShortItems))),
        deadline_(deadline_of(asked_.how.timeout_ms)),
        workers_(std::move(workers)),
        flow_(std::move(flow)),
        pending_(count_) {}

  const std::string& model() const { return asked_.model; }
  size_t count() const { return count_; }
  Flow& flow() { return *flow_; }

  void begin(ModelLease lease) {
    // A graph that is not there yet is compiled by the first who wants it.
    short_ = is_short(asked_) && lease->prepared(asked_.how.task, asked_.how.options);
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return;
      lease_ = std::move(lease);
    }
    if (short_) return hand_in();
    go_on();
  }

  // The reader has gone.
  void cancel() {
    flow_->cancel();
    std::vector<std::shared_ptr<PendingItem>> pending;
    ModelLease lease;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      pending.swap(pending_);
      std::swap(lease, lease_);
    }
    for (const auto& one : pending) {
      if (one != nullptr) one->cancel();
    }
  }

 private:
  void go_on() {
    if (!workers_.post([self = shared_from_this()] { self->hand_in(); })) flow_->fail(gone());
  }

  // Submits what may be under way; on one thread at a time.
  void hand_in() {
    while (true) {
      size_t item = 0;
      std::shared_ptr<Model> model;
      {
        const std::lock_guard lock(mutex_);
        if (cancelled_ || next_ == count_ || under_way_ >= at_once_) {
          handing_in_ = false;
          return;
        }
        item = next_++;
        ++under_way_;
        model = lease_.model;
      }
      submit_one(item, *model);
    }
  }

  void submit_one(size_t item, Model& model) {
    SubmitOptions how = asked_.how;
    how.timeout_ms = left_until(deadline_);
    if (how.timeout_ms && *how.timeout_ms <= 0) {
      return answer(item, deadline_exceeded("the request's time was over before its model could "
                                            "take it"));
    }
    Result<std::unique_ptr<PendingItem>> submitted =
        model.submit(std::move(asked_.items[item]), how);
    if (!submitted.ok()) return answer(item, submitted.status());
    const std::shared_ptr<PendingItem> pending = std::move(*submitted);
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return;  // `pending` ends with that
      pending_[item] = pending;
    }
    // It may have ended, and is told of at once, on this thread.
    pending->notify([self = shared_from_this(), item] { self->item_ended(item); });
  }

  void item_ended(size_t item) {
    if (short_) return flow_answer(item);
    const bool posted = workers_.post([self = shared_from_this(), item] { self->finish(item); });
    if (!posted) flow_->fail(gone());
  }

  // On a worker: what is long to prepare may be long to finish.
  void finish(size_t item) {
    if (const auto pending = take_pending(item)) answer(item, pending->get());  // does not wait
  }

  // By the reader.
  void flow_answer(size_t item) {
    auto pending = take_pending(item);
    if (pending == nullptr) return;
    flow_->put_item(item, std::move(pending));
    count_answer();
  }

  // Null: cancelled.
  std::shared_ptr<PendingItem> take_pending(size_t item) {
    const std::lock_guard lock(mutex_);
    return cancelled_ ? nullptr : std::exchange(pending_[item], nullptr);
  }

  void answer(size_t item, Result<ItemResult> result) {
    flow_->put(service::ItemAnswer{item, std::move(result)});
    count_answer();
  }

  // Goes on with what waits for its turn.
  void count_answer() {
    bool more = false;
    {
      const std::lock_guard lock(mutex_);
      --under_way_;
      more = !handing_in_ && !cancelled_ && next_ < count_;
      if (more) handing_in_ = true;
    }
    if (more) go_on();
  }

  service::RunItems asked_;  // items are moved out as they are submitted
  const size_t count_;
  const size_t at_once_;
  const Clock::time_point deadline_;
  const WorkQueue::Entrance workers_;
  const FlowPtr flow_;
  bool short_ = false;  // set before anything is handed in

  std::mutex mutex_;
  // Guarded by mutex_:
  // Until the reader goes: items end on threads of the model, and the last lease of a model that
  // was replaced ends these.
  ModelLease lease_;
  std::vector<std::shared_ptr<PendingItem>> pending_;  // by item; null: not submitted, or ended
  size_t next_ = 0;                                    // to be handed in
  size_t under_way_ = 0;
  bool handing_in_ = true;  // somebody does, or is about to
  bool cancelled_ = false;
};

class ItemStream : public EventStream {
 public:
  // Of a request for `model`; `run`: of items, else null.
  ItemStream(FlowPtr flow, std::string model, std::shared_ptr<ShownErrors> errors,
             std::shared_ptr<ItemRun> run = nullptr)
      : flow_(std::move(flow)),
        model_(std::move(model)),
        errors_(std::move(errors)),
        run_(std::move(run)) {}
  ~ItemStream() override {
    if (run_ != nullptr) run_->cancel();
    flow_->cancel();
  }
  std::optional<Result<Event>> try_next() override {
    std::optional<Result<Event>> event = flow_->take();
    if (event && !event->ok()) return errors_->shown(model_, event->status());
    if (event) show_errors(**event);
    return event;
  }
  bool ended() const override { return flow_->ended(); }
  void notify(std::function<void()> waker) override { flow_->notify(std::move(waker)); }

 private:
  void show_errors(Event& event) const {
    if (auto* answer = std::get_if<service::ItemAnswer>(&event)) {
      if (!answer->result.ok()) answer->result = errors_->shown(model_, answer->result.status());
    } else if (auto* served = std::get_if<service::ServedModels>(&event)) {
      for (service::ServedModel& one : served->models) {
        one.state.failure = errors_->shown(one.state.name, one.state.failure);
      }
    }
  }

  const FlowPtr flow_;
  const std::string model_;
  const std::shared_ptr<ShownErrors> errors_;
  const std::shared_ptr<ItemRun> run_;
};

class LocalService : public service::InferenceService {
 public:
  LocalService(Engine& engine, ModelManager& manager, const LocalServiceOptions& options)
      : engine_(engine),
        manager_(manager),
        items_at_once_(options.items_at_once),
        errors_(std::make_shared<ShownErrors>(manager, options.say)),
        workers_("prepare", options.threads > 0 ? options.threads : usual_threads()),
        loaders_("load", std::max(options.loading_threads, 1)) {}

  ~LocalService() override { errors_->end(); }

  std::unique_ptr<EventStream> submit(service::Request request) override {
    return std::visit([this](auto& asked) { return take(std::move(asked)); }, request);
  }

 private:
  using WithLease = std::function<void(const Result<ModelLease>& lease)>;

  static int usual_threads() { return hardware::read_cpu_limits().usable + 1; }

  std::unique_ptr<EventStream> take(service::RunItems asked) {
    auto flow = std::make_shared<Flow>(std::max<size_t>(asked.items.size(), 1));
    auto run =
        std::make_shared<ItemRun>(std::move(asked), items_at_once_, workers_.entrance(), flow);
    auto stream = std::make_unique<ItemStream>(flow, run->model(), errors_, run);
    if (run->count() == 0) {
      flow->fail(invalid_argument("expected at least one input, found none"));
      return stream;
    }
    with_model(run->model(), [run](const Result<ModelLease>& lease) {
      if (lease.ok()) return run->begin(*lease);
      run->flow().fail(lease.status());
    });
    return stream;
  }

  // Calls `then` with the model: at once where it is loaded, else on a thread that waits for it,
  // one for all that want the same.
  void with_model(const std::string& name, WithLease then) {
    Result<std::optional<ModelLease>> loaded = manager_.acquire_loaded(name);
    if (!loaded.ok()) return then(loaded.status());
    if (*loaded) return then(std::move(**loaded));
    {
      const std::lock_guard lock(mutex_);
      std::vector<WithLease>& waiting = wanted_[name];
      waiting.push_back(std::move(then));
      if (waiting.size() > 1) return;
    }
    if (!loaders_.entrance().post([this, name] { load(name); })) serve_wanted(name, gone());
  }

  void load(const std::string& name) { serve_wanted(name, manager_.acquire(name)); }

  void serve_wanted(const std::string& name, const Result<ModelLease>& lease) {
    std::vector<WithLease> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = std::move(wanted_[name]);
      wanted_.erase(name);
    }
    for (const WithLease& then : waiting) then(lease);
  }

  // One answer, computed by `compute` from the leased model on a worker.
  template <class Compute>
  std::unique_ptr<EventStream> answer_by(const std::string& model, Compute compute) {
    auto flow = std::make_shared<Flow>();
    auto stream = std::make_unique<ItemStream>(flow, model, errors_);
    with_model(model,
               [flow, compute, workers = workers_.entrance()](const Result<ModelLease>& lease) {
                 if (!lease.ok()) return flow->fail(lease.status());
                 const bool posted = workers.post([flow, compute, lease = *lease] {
                   if (!flow->cancelled()) flow->put(compute(*lease.model));
                 });
                 if (!posted) flow->fail(gone());
               });
    return stream;
  }

  std::unique_ptr<EventStream> take(service::RunTensors asked) {
    const auto deadline = deadline_of(asked.timeout_ms);
    return answer_by(
        asked.model, [inputs = std::move(asked.inputs), deadline](Model& model) -> Result<Event> {
          if (Clock::now() >= deadline) {
            return deadline_exceeded("the time of the request was over before it could run");
          }
          ACCEL_ASSIGN(InferResult result, model.infer(inputs));
          return Event(std::move(result));
        });
  }

  std::unique_ptr<EventStream> take(service::Tokenize asked) {
    return answer_by(asked.model, [asked](Model& model) -> Result<Event> {
      service::TokenizedTexts answer;
      for (const std::string& text : asked.texts) {
        ACCEL_ASSIGN(auto tokens, model.tokenize(text, asked.special_tokens));
        answer.texts.push_back(std::move(tokens));
      }
      return Event(std::move(answer));
    });
  }

  std::unique_ptr<EventStream> take(service::Decode asked) {
    return answer_by(asked.model, [asked](Model& model) -> Result<Event> {
      service::DecodedTexts answer;
      for (const std::vector<int32_t>& ids : asked.ids) {
        ACCEL_ASSIGN(std::string text, model.decode(ids, asked.skip_special_tokens));
        answer.texts.push_back(std::move(text));
      }
      return Event(std::move(answer));
    });
  }

  template <class Compute>
  std::unique_ptr<EventStream> answer_on(const WorkQueue& queue, const std::string& model,
                                         Compute compute) {
    auto flow = std::make_shared<Flow>();
    auto stream = std::make_unique<ItemStream>(flow, model, errors_);
    const bool posted = queue.entrance().post([flow, compute] {
      if (!flow->cancelled()) flow->put(compute());
    });
    if (!posted) flow->fail(gone());
    return stream;
  }

  std::unique_ptr<EventStream> take(const service::Load& asked) {
    auto flow = std::make_shared<Flow>();
    with_model(asked.model, [flow](const Result<ModelLease>& lease) {
      if (!lease.ok()) return flow->fail(lease.status());
      flow->put(Event(service::Done{}));
    });
    return std::make_unique<ItemStream>(flow, asked.model, errors_);
  }

  // It waits for a load under way.
  std::unique_ptr<EventStream> take(const service::Unload& asked) {
    return answer_on(loaders_, asked.model, [this, asked]() -> Result<Event> {
      ACCEL_TRY(manager_.unload(asked.model));
      return Event(service::Done{});
    });
  }

  // Facts are read from disks.
  std::unique_ptr<EventStream> take(const service::Describe& asked) {
    if (asked.facts) {
      return answer_on(workers_, asked.model, [this, asked] { return describe(asked); });
    }
    auto flow = std::make_shared<Flow>();
    flow->put(describe(asked));
    return std::make_unique<ItemStream>(flow, asked.model, errors_);
  }

  // pulling_service.h has another answer.
  std::unique_ptr<EventStream> take(const service::Pull& asked) {
    auto flow = std::make_shared<Flow>();
    flow->fail(permission_denied(
        fmt::format("{}: this server pulls no models; who runs it may let it by accel serve "
                    "--allow-pull PATTERNS, or pull it there by accel pull and name it to accel "
                    "serve",
                    json_quote(asked.model))));
    return std::make_unique<ItemStream>(flow, asked.model, errors_);
  }

  Result<Event> describe(const service::Describe& asked);
  Result<ModelReport> facts_of(const std::string& name);

  // Of a model's files, which stay while they are served.
  struct KnownFacts {
    std::string path;  // a change of the model's definition may lead to another
    UseOptimum use_optimum = UseOptimum::kAuto;
    ModelReport report;
  };

  Engine& engine_;
  ModelManager& manager_;
  const int items_at_once_;
  const std::shared_ptr<ShownErrors> errors_;

  std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, KnownFacts> facts_;               // by the model's name
  std::map<std::string, std::vector<WithLease>> wanted_;  // by the model that is waited for

  WorkQueue workers_;  // both end before what they refer to
  WorkQueue loaders_;
};

Result<ModelReport> LocalService::facts_of(const std::string& name) {
  ACCEL_ASSIGN(const ModelDefinition definition, manager_.definition(name));
  const LoadOptions& load = definition.load;
  const auto as_defined = [&load](ModelReport report) {
    if (!load.task.empty()) report.own_task = load.task;
    return report;
  };
  {
    const std::lock_guard lock(mutex_);
    const auto known = facts_.find(name);
    if (known != facts_.end() && known->second.path == load.path &&
        known->second.use_optimum == load.use_optimum) {
      return as_defined(known->second.report);
    }
  }
  ACCEL_ASSIGN(ModelReport report, engine_.describe(load.path, load.use_optimum));
  const std::lock_guard lock(mutex_);
  facts_[name] = {load.path, load.use_optimum, report};
  return as_defined(std::move(report));
}

Result<Event> LocalService::describe(const service::Describe& asked) {
  std::optional<ModelDefinition> only;
  if (!asked.model.empty()) {
    ACCEL_ASSIGN(only, manager_.definition(asked.model));
  }
  service::ServedModels answer;
  const std::vector<ModelAlias> aliases = manager_.aliases();
  std::map<std::string, std::vector<int>> versions;
  std::vector<ManagedModel> states = manager_.models();
  for (const ManagedModel& state : states) versions[state.name].push_back(state.version);
  for (ManagedModel& state : states) {
    if (only && (only->name != state.name || only->version != state.version)) continue;
    const std::string name = fmt::format("{}:{}", state.name, state.version);
    service::ServedModel model{.state = std::move(state)};
    model.versions = versions[model.state.name];
    for (const ModelAlias& alias : aliases) {
      const auto meant = manager_.definition(alias.target);
      if (meant.ok() && meant->name == model.state.name && meant->version == model.state.version) {
        model.aliases.push_back(alias.name);
      }
    }
    Result<std::optional<ModelStatistics>> statistics = manager_.statistics(name);
    if (!statistics.ok()) continue;  // it has gone meanwhile
    model.statistics = std::move(*statistics);
    if (asked.facts) {
      Result<ModelReport> facts = facts_of(name);
      if (!facts.ok() && only) return facts.status();
      if (facts.ok()) model.facts = std::move(*facts);
    }
    answer.models.push_back(std::move(model));
  }
  if (only && answer.models.empty()) {
    return not_found(fmt::format("model '{}' has gone meanwhile", asked.model));
  }
  return Event(std::move(answer));
}

}  // namespace

std::unique_ptr<service::InferenceService> make_local_service(Engine& engine, ModelManager& manager,
                                                              const LocalServiceOptions& options) {
  return std::make_unique<LocalService>(engine, manager, options);
}

}  // namespace accel::engine
