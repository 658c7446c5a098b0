#include "client/remote_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "client/infer_message.h"
#include "client/ordered_calls.h"
#include "client/server_answer.h"
#include "hub/model_name.h"
#include "pipelines/task.h"

namespace accel::client {
namespace {

constexpr size_t kCallsAtATime = 16;      // of single items
constexpr size_t kEmbedCallsAtATime = 4;  // of batches
constexpr size_t kEmbedBatchTexts = 128;
constexpr size_t kEmbedTextsMax = 4096;

// Where requests go, and whether their answers are still wanted.
struct Asking {
  std::shared_ptr<ServerClient> client;
  std::string model;
  std::atomic<bool> cancelled = false;

  Result<InferReply> ask(const AskedItems& asked, RunReport& report) {
    ACCEL_ASSIGN(hub::HttpAnswer answer, client->call(infer_call(asked), cancelled));
    report = report_of(answer, client->name(), model);
    const std::string length(answer.header("inference-header-content-length"));
    return parse_infer_reply(std::move(answer.body), length);
  }
};

class RemoteTaskStream : public TaskStream {
 public:
  RemoteTaskStream(std::shared_ptr<ServerClient> client, std::string model, TaskReport task,
                   TaskOptions options)
      : asking_{.client = std::move(client), .model = std::move(model)},
        task_(std::move(task)),
        options_(std::move(options)),
        calls_({.ask = [this](std::vector<TaskInput> items) { return answer(std::move(items)); },
                .bytes_of = bytes_of,
                .threads = kCallsAtATime}) {}
  ~RemoteTaskStream() override { RemoteTaskStream::cancel(); }

  Status push(TaskInput input) override {
    return calls_.push(std::move(input)) ? Status() : cancelled("stopped");
  }
  void close() override { calls_.close(); }
  std::optional<Result<TaskResult>> next() override { return calls_.next(); }
  void cancel() override {
    asking_.cancelled = true;
    calls_.cancel();
  }
  const TaskReport& task() const override { return task_; }
  RunReport report() const override {
    const std::lock_guard lock(mutex_);
    return report_;
  }
  TaskTimes times() const override { return {}; }  // they are the server's

 private:
  static size_t bytes_of(const TaskInput& item) {
    size_t bytes =
        item.text.size() + item.media.value_or("").size() + item.second_text.value_or("").size();
    for (const std::string& choice : item.choices) bytes += choice.size();
    return bytes;
  }

  Result<TaskResult> answer(std::vector<TaskInput> items) {
    RunReport report;
    ACCEL_ASSIGN(const InferReply reply, asking_.ask({.model = asking_.model,
                                                      .task = task_.name,
                                                      .options = options_,
                                                      .outputs = outputs_for(task_.name),
                                                      .items = std::move(items)},
                                                     report));
    {
      const std::lock_guard lock(mutex_);
      if (!report_.fallback) report_ = std::move(report);
    }
    return result_of(reply, task_.name);
  }

  Asking asking_;
  const TaskReport task_;
  const TaskOptions options_;
  mutable std::mutex mutex_;
  RunReport report_;  // guarded by mutex_
  OrderedCalls<TaskInput, Result<TaskResult>> calls_;
};

TaskOptions task_options_of(const EmbedOptions& options) {
  TaskOptions of_task{.strict_utf8 = options.strict_utf8};
  if (!options.prompt.empty()) of_task.prompt = options.prompt;
  if (options.dimensions > 0) of_task.dimensions = options.dimensions;
  if (!options.normalize) of_task.normalize = false;
  return of_task;
}

class RemoteEmbeddingStream : public EmbeddingStream {
 public:
  RemoteEmbeddingStream(std::shared_ptr<ServerClient> client, std::string model,
                        const EmbedOptions& options)
      : asking_{.client = std::move(client), .model = std::move(model)},
        options_(task_options_of(options)),
        calls_({.ask = [this](std::vector<std::string> texts) { return answer(std::move(texts)); },
                .bytes_of = [](const std::string& text) { return text.size(); },
                .threads = kEmbedCallsAtATime,
                .batch_items = kEmbedBatchTexts,
                .items_max = kEmbedTextsMax}) {}
  ~RemoteEmbeddingStream() override { RemoteEmbeddingStream::cancel(); }

  Status push(std::string text) override {
    return calls_.push(std::move(text)) ? Status() : cancelled("stopped");
  }
  void close() override { calls_.close(); }
  Result<std::optional<EmbedResult>> next() override {
    std::optional<Result<EmbedResult>> result = calls_.next();
    if (!result) {
      if (asking_.cancelled) return cancelled("stopped");
      return std::optional<EmbedResult>();
    }
    if (!result->ok()) cancel();
    ACCEL_ASSIGN(EmbedResult embedded, std::move(*result));
    completed_ += embedded.tokens.size();
    return std::optional(std::move(embedded));
  }
  void cancel() override {
    asking_.cancelled = true;
    calls_.cancel();
  }
  uint64_t completed() const override { return completed_; }

 private:
  Result<EmbedResult> answer(std::vector<std::string> texts) {
    uint64_t replaced = 0;
    std::vector<TaskInput> items(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      items[i].text = std::move(texts[i]);
      if (options_.strict_utf8 || find_invalid_utf8(items[i].text) == std::string::npos) continue;
      Utf8Repair repair = repair_utf8(items[i].text);
      items[i].text = std::move(repair.text);
      replaced += repair.replaced;
    }
    RunReport report;
    ACCEL_ASSIGN(const InferReply reply, asking_.ask({.model = asking_.model,
                                                      .task = "sentence-embedding",
                                                      .options = options_,
                                                      .outputs = embedding_outputs(),
                                                      .items = std::move(items)},
                                                     report));
    ACCEL_ASSIGN(EmbedResult result, embeddings_of(reply, texts.size()));
    result.replaced_utf8 = replaced;
    result.report = std::move(report);
    return result;
  }

  Asking asking_;
  const TaskOptions options_;
  std::atomic<uint64_t> completed_ = 0;
  OrderedCalls<std::string, Result<EmbedResult>> calls_;
};

// `more` below what `all` has.
void append(EmbedResult& all, EmbedResult more, std::string& rows) {
  const auto bytes = more.embeddings.bytes();
  rows.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  all.tokens.insert(all.tokens.end(), more.tokens.begin(), more.tokens.end());
  all.truncated.insert(all.truncated.end(), more.truncated.begin(), more.truncated.end());
  all.replaced_utf8 += more.replaced_utf8;
  if (!all.report.fallback) all.report = std::move(more.report);
}

Result<std::string> only_model(ServerClient& client, const std::atomic<bool>& cancelled) {
  ACCEL_ASSIGN(const hub::HttpAnswer answer,
               client.call({.path = "/v2/repository/index",
                            .headers = {"Content-Type: application/json"},
                            .body = "{}"},
                           cancelled));
  ACCEL_ASSIGN(const std::vector<std::string> names, parse_model_names(answer.body));
  if (names.size() == 1) return names.front();
  return invalid_argument(names.empty()
                              ? client.name() + " serves no model"
                              : fmt::format("expected MODEL, one of those that {} serves: {}",
                                            client.name(), fmt::join(names, ", ")));
}

}  // namespace

Result<RemoteFacts> parse_facts(std::string_view text) {
  const Result<Json> json = parse_json(text);
  const auto value = [&](const char* name) -> std::string {
    if (!json.ok() || !json->is_object() || !json->contains("parameters")) return "";
    const auto& parameters = (*json)["parameters"];
    const auto found = parameters.find(name);
    if (found == parameters.end() || !found->contains("string_value")) return "";
    const Json& held = (*found)["string_value"];
    return held.is_string() ? held.get<std::string>() : "";
  };
  RemoteFacts facts{.task = value("task")};
  const std::string size = value("embedding_size");
  const auto read = std::from_chars(size.data(), size.data() + size.size(), facts.embedding_size);
  if (read.ec == std::errc() && read.ptr == size.data() + size.size() &&
      facts.embedding_size >= 0) {
    return facts;
  }
  return unavailable(
      "expected what a model is for, as accel serve tells it, found another answer; is it an older "
      "accel, or another server?");
}

Result<std::vector<std::string>> parse_model_names(std::string_view text) {
  const Result<Json> json = parse_json(text);
  if (!json.ok() || !json->is_array()) {
    return unavailable("expected a list of models, found another answer; is it accel serve?");
  }
  std::vector<std::string> names;
  for (const Json& model : *json) {
    const auto name = model.find("name");
    if (name == model.end() || !name->is_string()) continue;
    if (std::ranges::find(names, name->get<std::string>()) == names.end()) {
      names.push_back(name->get<std::string>());
    }
  }
  return names;
}

Result<std::unique_ptr<RemoteModel>> RemoteModel::open(std::shared_ptr<ServerClient> client,
                                                       std::string name) {
  const std::atomic<bool> never = false;
  if (name.empty()) {
    ACCEL_ASSIGN(name, only_model(*client, never));
  }
  ACCEL_ASSIGN(
      const hub::HttpAnswer answer,
      client->call({.path = fmt::format("/v2/models/{}/config", hub::url_quoted(name, false)),
                    .headers = {},
                    .body = {}},
                   never));
  Result<RemoteFacts> facts = parse_facts(answer.body);
  if (!facts.ok()) return facts.status().with_context(client->name());
  return std::unique_ptr<RemoteModel>(
      new RemoteModel(std::move(client), std::move(name), std::move(*facts)));
}

Result<std::unique_ptr<TaskStream>> RemoteModel::run_stream(const RunOptions& options) const {
  const std::string& name = options.task.empty() ? facts_.task : options.task;
  if (name.empty()) {
    return failed_precondition(name_ + ": nothing says what the model is for");
  }
  ACCEL_ASSIGN(const pipelines::Task* task, pipelines::find_task(name));
  ACCEL_TRY(pipelines::check_options(*task, options.options));
  return std::unique_ptr<TaskStream>(std::make_unique<RemoteTaskStream>(
      client_, name_, pipelines::report_of(*task), options.options));
}

Result<std::unique_ptr<EmbeddingStream>> RemoteModel::embed_stream(
    const EmbedOptions& options) const {
  if (facts_.embedding_size == 0) {
    return failed_precondition(name_ + ": the model has no sentence embeddings");
  }
  return std::unique_ptr<EmbeddingStream>(
      std::make_unique<RemoteEmbeddingStream>(client_, name_, options));
}

Result<EmbedResult> RemoteModel::embed(const std::vector<std::string>& texts,
                                       const EmbedOptions& options) const {
  ACCEL_ASSIGN(const auto stream, embed_stream(options));
  EmbedResult all;
  std::string rows;
  Status pushed;
  std::thread pusher([&] {
    for (const std::string& text : texts) {
      if (pushed.ok()) pushed = stream->push(text);
    }
    stream->close();
  });
  Status failed;
  int64_t size = facts_.embedding_size;
  while (failed.ok()) {
    Result<std::optional<EmbedResult>> part = stream->next();
    failed = part.status();
    if (!failed.ok() || !*part) break;
    size = (*part)->embeddings.shape()[1];
    append(all, std::move(**part), rows);
  }
  pusher.join();
  ACCEL_TRY(failed);
  all.embeddings = Tensor::allocate(DType::kF32, {static_cast<int64_t>(all.tokens.size()), size});
  if (rows.size() != all.embeddings.byte_size()) {
    return unavailable("expected embeddings of one size, found several");
  }
  std::memcpy(all.embeddings.mutable_data(), rows.data(), rows.size());
  return all;
}

}  // namespace accel::client
