#include "cli/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/task_input.h"
#include "measure/sample_items.h"

namespace accel::cli {
namespace {

constexpr int64_t kItemsMax = 100'000;
constexpr int64_t kPicturesMade = 8;
constexpr int64_t kSoundsMade = 4;
constexpr std::string_view kEmbedding = "sentence-embedding";

bool takes_media(const TaskReport& task, std::string_view kind) {
  return std::ranges::any_of(task.inputs, [&](const TaskInputPart& part) {
    return part.member == "media" && (kind.empty() || part.name == kind);
  });
}

Result<TaskReport> embedding_task(Engine& engine) {
  for (TaskReport& task : engine.tasks()) {
    if (task.name == kEmbedding) return std::move(task);
  }
  return not_found(std::string("no task is called ") + std::string(kEmbedding));
}

Result<std::vector<TaskInput>> read_all(TaskSource& source) {
  std::vector<TaskInput> items;
  while (true) {
    ACCEL_ASSIGN(std::optional<TaskItem> item, source.next());
    if (!item) return items;
    ACCEL_TRY(item->input.status());
    items.push_back(std::move(*item->input));
    if (std::ssize(items) > kItemsMax) {
      return invalid_argument(fmt::format("expected at most {} inputs, found more", kItemsMax));
    }
  }
}

Result<std::vector<TaskInput>> given_items(const WorkFlags& flags, const TaskReport& task) {
  TaskDefaults defaults{.choices = split_at_commas(flags.labels)};
  if (!flags.context.empty()) defaults.second_text = flags.context;
  if (!flags.inputs.empty()) {
    ACCEL_ASSIGN(std::vector<TaskItem> items, items_of(task, flags.inputs, defaults));
    return read_all(*source_of(std::move(items)));
  }
  ACCEL_ASSIGN(const auto source,
               open_source(task, {.path = flags.input, .json = flags.jsonl}, defaults));
  return read_all(*source);
}

// Items that the model takes: a text with a mask has it spelt as the tokenizer does.
Result<std::vector<TaskInput>> made_items(const WorkFlags& flags, const Work& work) {
  int64_t count = flags.items;
  if (count == 0) {
    count = takes_media(work.task, "audio") ? kSoundsMade
            : takes_media(work.task, "")    ? kPicturesMade
                                            : flags.texts_made;
  }
  measure::SampleOptions options{.count = static_cast<size_t>(count),
                                 .seed = static_cast<uint64_t>(flags.seed)};
  if (work.task.name == "fill-mask") {
    for (const char* mark : {"[MASK]", "<mask>"}) {
      options.mark = mark;
      options.count = 1;
      ACCEL_ASSIGN(const auto tried, measure::sample_items(work.task, options));
      if (work.call(tried).ok()) break;
    }
    options.count = static_cast<size_t>(count);
  }
  ACCEL_ASSIGN(std::vector<TaskInput> items, measure::sample_items(work.task, options));
  for (TaskInput& item : items) {
    if (!flags.labels.empty()) item.choices = split_at_commas(flags.labels);
    if (!flags.context.empty()) item.second_text = flags.context;
  }
  return items;
}

}  // namespace

void WorkFlags::declare(Flags& flags) {
  model.declare(flags);
  flags.arguments("INPUT", &inputs, 0,
                  "texts, or files (images, sounds), folders and patterns of them; without any, "
                  "lines of --input, and without that inputs of many sizes are made");
  flags.text("--task", "NAME", &model.task, "what to do (default: what the model is for)");
  flags.text("--input", "FILE", &input,
             "one text or path per line, or with --jsonl one object per line");
  flags.flag("--jsonl", &jsonl, "lines are JSON objects with what the task takes");
  flags.text("--context", "TEXT", &context, "the second text of each input");
  flags.text("--labels", "A,B,...", &labels, "the candidate labels of a zero-shot task");
  flags.number("--items", &items,
               fmt::format("how many inputs to make; 0: {} texts, {} pictures or {} sounds "
                           "(default 0)",
                           texts_made, kPicturesMade, kSoundsMade));
  flags.number("--seed", &seed, "of made inputs and of arrivals (default 1)");
}

Status WorkFlags::check() const {
  if (!inputs.empty() && !input.empty()) {
    return invalid_argument("expected inputs as arguments or --input, found both");
  }
  if (items > 0 && (!inputs.empty() || !input.empty())) {
    return invalid_argument(
        "--items: expected no inputs beside it, since it says how many to make");
  }
  if (items > kItemsMax) {
    return invalid_argument(
        fmt::format("--items: expected at most {}, found {}", kItemsMax, items));
  }
  return {};
}

Result<Work> load_asking(Engine& engine, const ModelFlags& model) {
  Work work;
  const auto began = Clock::now();
  ACCEL_ASSIGN(work.model, model.load(engine, Use::kRun));
  work.embeds = model.task.empty() && work.model->report().for_embedding;
  // The first call would build and compile it; a load has done that.
  if (work.embeds) {
    ACCEL_TRY(work.model->embed({}).status());
    ACCEL_ASSIGN(work.task, embedding_task(engine));
    work.call = measure::embed_call(*work.model, {});
  } else {
    ACCEL_ASSIGN(const auto stream, work.model->run_stream({.task = model.task}));
    work.task = stream->task();
    work.call = measure::run_call(*work.model, {.task = model.task});
  }
  work.load_s = seconds_since(began);
  return work;
}

Result<Work> load_work(Engine& engine, const WorkFlags& flags) {
  ACCEL_TRY(flags.check());
  ACCEL_ASSIGN(Work work, load_asking(engine, flags.model));
  const bool made = flags.inputs.empty() && flags.input.empty();
  work.source = made ? "generated" : flags.inputs.empty() ? flags.input : "arguments";
  ACCEL_ASSIGN(work.items, made ? made_items(flags, work) : given_items(flags, work.task));
  if (work.items.empty()) {
    return invalid_argument(flags.input + ": expected at least one input, found none");
  }
  return work;
}

Result<Work> load_work(Engine& engine, const WorkFlags& flags, const Work& like) {
  ACCEL_ASSIGN(Work work, load_asking(engine, flags.model));
  work.source = like.source;
  work.items = like.items;
  return work;
}

Result<std::vector<measure::Answer>> answers_of(const Work& work, const WorkFlags& flags) {
  if (work.embeds) {
    return measure::embedded_answers(*work.model, {}, work.items);
  }
  return measure::run_answers(*work.model, {.task = flags.model.task}, work.items);
}

std::string items_text(const Work& work, int64_t seed) {
  const char* kind = takes_media(work.task, "audio") ? "sound"
                     : takes_media(work.task, "")    ? "picture"
                                                     : "text";
  const std::string counted =
      fmt::format("{} {}{}", work.items.size(), kind, work.items.size() == 1 ? "" : "s");
  if (work.source == "generated") return fmt::format("{} made with seed {}", counted, seed);
  return counted + " of " + work.source;
}

}  // namespace accel::cli
