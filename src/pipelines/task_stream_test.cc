#include "pipelines/task_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "pipelines/submitted_item.h"
#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

// Logits [first id, number of real tokens]; a row that begins with kPoison fails its whole batch.
constexpr int64_t kPoison = 666;

class FirstId : public backend::CompiledModel {
 public:
  explicit FirstId(std::function<void()> on_run = nullptr) : on_run_(std::move(on_run)) {}
  const backend::Signature& signature() const override { return signature_; }
  const backend::Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<backend::Session>> create_session() const override {
    return std::unique_ptr<backend::Session>(std::make_unique<Run>(on_run_));
  }

 private:
  class Run : public backend::Session {
   public:
    explicit Run(std::function<void()> on_run) : on_run_(std::move(on_run)) {}
    Status run(const NamedTensors& inputs, NamedTensors& outputs) override {
      if (on_run_) on_run_();
      const Tensor& ids = *find(inputs, "input_ids");
      const auto mask = find(inputs, "attention_mask")->data<int64_t>();
      const auto length = static_cast<size_t>(ids.shape()[1]);
      std::vector<float> logits;
      for (size_t row = 0; row < static_cast<size_t>(ids.shape()[0]); ++row) {
        const int64_t first = ids.data<int64_t>()[row * length];
        if (first == kPoison) return internal_error("poisoned");
        int64_t real = 0;
        for (size_t i = 0; i < length; ++i) real += mask[row * length + i];
        logits.push_back(static_cast<float>(first));
        logits.push_back(static_cast<float>(real));
      }
      outputs = {{"logits", Tensor::from<float>({ids.shape()[0], 2}, logits)}};
      return {};
    }

   private:
    const std::function<void()> on_run_;
  };
  const std::function<void()> on_run_;
  const backend::Signature signature_;
  const backend::Executed executed_{.device = "TEST"};
};

// `task` outlives the plan.
std::shared_ptr<const TaskPlan> plan_of(const Task& task, std::shared_ptr<FirstId> model,
                                        int sessions) {
  auto pool = std::make_shared<runtime::SessionPool>(std::move(model), sessions);
  return std::make_shared<const TaskPlan>(TaskPlan{
      .task = &task,
      .model = std::make_shared<const TaskModel>(TaskModel{
          .tokenizer = number_tokenizer(), .vocabulary = kNumbers, .labels = {"id", "tokens"}}),
      .graphs = {{.inputs = {"input_ids"},
                  .pool = pool,
                  .batchers = {runtime::Batcher::create(pool, {})}}},
      .report = std::make_shared<const RunReport>()});
}

class TasksStream : public testing::Test {
 protected:
  std::unique_ptr<PooledTaskStream> open(int sessions) {
    return std::make_unique<PooledTaskStream>(
        plan_of(**find_task("text-classification"), std::make_shared<FirstId>(), sessions),
        TaskStreamOptions{.task = {.top_k = 0, .function = "none"}});
  }

  // "id/tokens", or the code of the failure.
  static std::string shown(const Result<TaskResult>& result) {
    if (!result.ok()) return std::string(to_string(result.status().code()));
    std::string id;
    std::string tokens;
    for (const LabelScore& label : std::get<Labels>(result->answer)) {
      (label.label == "id" ? id : tokens) = std::to_string(static_cast<int>(label.score));
    }
    return id + "/" + tokens;
  }
};

// row 239 (partial: its speed is the bench's)
TEST_F(TasksStream, AnswersComeInOrderAndEachHasItsOwnStatus) {
  const auto stream = open(3);
  constexpr int kItems = 2000;
  std::thread pusher([&] {
    for (int i = 0; i < kItems; ++i) {
      std::string text = std::to_string(i % 600) + (i % 3 == 0 ? " 1 2" : "");
      if (i % 100 == 7) text = std::to_string(kPoison);
      if (i % 100 == 8) text = "far";  // an id past the model's rows
      ASSERT_TRUE(stream->push({.text = text}).ok());
    }
    stream->close();
  });
  for (int i = 0; i < kItems; ++i) {
    const auto result = stream->next();
    ASSERT_TRUE(result.has_value());
    const std::string expected = i % 100 == 7 ? "INTERNAL"
                                 : i % 100 == 8
                                     ? "OUT_OF_RANGE"
                                     : std::to_string(i % 600) + (i % 3 == 0 ? "/3" : "/1");
    ASSERT_EQ(shown(*result), expected) << i;
  }
  EXPECT_FALSE(stream->next().has_value());
  pusher.join();
}

// How often the task below has prepared an item.
std::mutex prepared_mutex;
std::condition_variable prepared_more;
int prepared_items = 0;

bool wait_for_prepared(int count) {
  std::unique_lock lock(prepared_mutex);
  return prepared_more.wait_for(lock, std::chrono::seconds(20),
                                [&] { return prepared_items >= count; });
}

Result<Prepared> prepare_and_count(const TaskModel& model, const TaskInput& input,
                                   const TaskOptions& options) {
  auto prepared = (*find_task("text-classification"))->prepare(model, input, options);
  const std::lock_guard lock(prepared_mutex);
  ++prepared_items;
  prepared_more.notify_all();
  return prepared;
}

// row 269 (partial: its speed is the bench's)
TEST_F(TasksStream, WhileOneItemIsComputedTheNextIsPrepared) {
  Task task = **find_task("text-classification");
  task.prepare = prepare_and_count;
  std::promise<void> computing;
  std::promise<bool> overlapped;
  std::atomic<int> runs = 0;
  const auto on_run = [&] {
    if (runs++ > 0) return;
    computing.set_value();
    overlapped.set_value(wait_for_prepared(2));
  };
  PooledTaskStream stream(plan_of(task, std::make_shared<FirstId>(on_run), 1),
                          {.task = {.top_k = 0, .function = "none"}, .workers = 2});
  ASSERT_TRUE(stream.push({.text = "1"}).ok());
  computing.get_future().wait();
  ASSERT_TRUE(stream.push({.text = "2"}).ok());
  EXPECT_TRUE(overlapped.get_future().get());
  stream.close();
  EXPECT_EQ(shown(*stream.next()), "1/1");
  EXPECT_EQ(shown(*stream.next()), "2/1");
}

TEST_F(TasksStream, CancelEndsIt) {
  const auto stream = open(1);
  ASSERT_TRUE(stream->push({.text = "1"}).ok());
  stream->cancel();
  EXPECT_FALSE(stream->next().has_value());
  EXPECT_EQ(stream->push({.text = "1"}).code(), StatusCode::kCancelled);
}

TEST_F(TasksStream, NothingGoesInAfterTheEnd) {
  const auto stream = open(1);
  stream->close();
  EXPECT_FALSE(stream->next().has_value());
  EXPECT_EQ(stream->push({.text = "1"}).code(), StatusCode::kFailedPrecondition);
}

class SubmittedItems : public TasksStream {
 protected:
  std::shared_ptr<const TaskPlan> plan_ =
      plan_of(**find_task("text-classification"), std::make_shared<FirstId>(), 2);
  const SubmitOptions options_{.options = {.top_k = 0, .function = "none"}};

  static std::string shown_item(const Result<ItemResult>& item) {
    return item.ok() ? shown(item->result) : shown(item.status());
  }
};

TEST_F(SubmittedItems, AreAnsweredLikeAnyOther) {
  std::vector<std::unique_ptr<PendingItem>> pending;
  for (int i = 0; i < 50; ++i) {
    auto submitted = submit_item(*plan_, {.text = std::to_string(i) + " 1 2"}, options_);
    ASSERT_TRUE(submitted.ok());
    pending.push_back(std::move(*submitted));
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(shown_item(pending[i]->get()), std::to_string(i) + "/3");
    EXPECT_FALSE(pending[i]->get().ok()) << "only once";
  }
  EXPECT_EQ(shown_item(run_item(*plan_, {.text = "5"}, options_)), "5/1");
}

TEST_F(SubmittedItems, TellWhereTheirTimeWent) {
  const auto item = run_item(*plan_, {.text = "5 6"}, options_);
  ASSERT_TRUE(item.ok());
  const ItemTimes& times = item->times;
  EXPECT_GT(times.prepare, 0);
  EXPECT_GT(times.infer, 0);
  EXPECT_DOUBLE_EQ(times.total, times.prepare + times.queue + times.infer + times.finish);
  EXPECT_EQ(item->batch.rows, 1);
  EXPECT_EQ(item->batch.tokens, 2);
  EXPECT_EQ(item->batch.device, "CPU");
}

TEST_F(SubmittedItems, FailAlone) {
  const auto refused = submit_item(*plan_, {.text = "far"}, options_);
  EXPECT_EQ(refused.status().code(), StatusCode::kOutOfRange) << "said before anything runs";
  auto poisoned = submit_item(*plan_, {.text = std::to_string(kPoison)}, options_);
  auto good = submit_item(*plan_, {.text = "4"}, options_);
  EXPECT_EQ(shown_item((*poisoned)->get()), "INTERNAL");
  EXPECT_EQ(shown_item((*good)->get()), "4/1");
}

TEST_F(SubmittedItems, EndWithTheirModel) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::promise<void> computing;
  std::atomic<int> runs = 0;
  auto plan = plan_of(**find_task("text-classification"), std::make_shared<FirstId>([&] {
    if (runs++ == 0) computing.set_value();
    gone.wait();
  }),
                      1);
  auto first = std::move(*submit_item(*plan, {.text = "1"}, options_));
  computing.get_future().wait();
  auto second = std::move(*submit_item(*plan, {.text = "2"}, options_));
  std::thread unloading([&] { plan.reset(); });
  EXPECT_EQ(shown_item(second->get()), "CANCELLED");
  std::promise<void> woken;
  first->notify([&] { woken.set_value(); });
  go.set_value();
  woken.get_future().wait();
  EXPECT_TRUE(first->ready());
  EXPECT_EQ(shown_item(first->get()), "1/1");
  unloading.join();
}

}  // namespace
}  // namespace accel::pipelines
