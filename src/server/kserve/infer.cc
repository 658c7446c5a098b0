#include "server/kserve/infer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>

#include "base/suggestion.h"
#include "base/try.h"

namespace accel::server::kserve {
namespace {

// Members of TaskInput.
enum class ItemPart : uint8_t { kText, kSecondText, kChoices, kMedia };

struct PartName {
  std::string_view name;
  ItemPart part;
};

// As the tasks of the Hub call their parts, and as TaskInput does.
constexpr std::array<PartName, 13> kPartNames{{
    {"text", ItemPart::kText},
    {"question", ItemPart::kText},
    {"query", ItemPart::kText},
    {"prompt", ItemPart::kText},
    {"text_pair", ItemPart::kSecondText},
    {"context", ItemPart::kSecondText},
    {"second_text", ItemPart::kSecondText},
    {"candidate_labels", ItemPart::kChoices},
    {"documents", ItemPart::kChoices},
    {"choices", ItemPart::kChoices},
    {"image", ItemPart::kMedia},
    {"audio", ItemPart::kMedia},
    {"media", ItemPart::kMedia},
}};

Result<ItemPart> part_called(std::string_view name) {
  std::vector<std::string_view> names;
  for (const PartName& row : kPartNames) {
    if (row.name == name) return row.part;
    names.push_back(row.name);
  }
  return invalid_argument(
      fmt::format("expected a part of the task's items, one of {}, found '{}'{}",
                  fmt::join(names, ", "), name.substr(0, 80), did_you_mean(name, names)));
}

// Input of one member of the items; null: there is none.
using ItemParts = std::array<Strings*, 4>;

Result<ItemParts> parts_of(std::vector<InferInput>& inputs) {
  ItemParts parts{};
  for (InferInput& input : inputs) {
    ACCEL_ASSIGN(const ItemPart part, part_called(input.name));
    Strings*& place = parts[static_cast<size_t>(part)];
    if (place != nullptr) {
      return invalid_argument(
          fmt::format("input '{}': another input has the same part of the items", input.name));
    }
    place = &std::get<Strings>(input.data);
  }
  return parts;
}

// How many items there are: as many as strings of each part that is not a list.
Result<size_t> item_count(const std::vector<InferInput>& inputs) {
  std::optional<int64_t> count;
  for (const InferInput& input : inputs) {
    if (*part_called(input.name) == ItemPart::kChoices) continue;
    const Shape& shape = shape_of(input.data);
    if (shape.empty() || shape.size() > 2 || (shape.size() == 2 && shape[1] != 1)) {
      return invalid_argument(
          fmt::format("input '{}': expected one string per item, in the shape [n] or [n, 1], found "
                      "the shape {}",
                      input.name, accel::to_string(shape)));
    }
    if (count && *count != shape[0]) {
      return invalid_argument(
          fmt::format("input '{}': expected {} items, as other inputs have, found {}", input.name,
                      *count, shape[0]));
    }
    count = shape[0];
  }
  if (!count) {
    return invalid_argument("inputs: expected a text, an image or a sound, found only a list");
  }
  if (*count == 0) return invalid_argument("inputs: expected at least one item, found none");
  return static_cast<size_t>(*count);
}

// The list of each item.
Status spread_choices(Strings& choices, const RequestLimits& limits,
                      std::vector<TaskInput>& items) {
  const size_t count = items.size();
  const Shape& shape = choices.shape;
  const bool shared = shape.size() == 1;
  if (!shared && (shape.size() != 2 || shape[0] != static_cast<int64_t>(count))) {
    return invalid_argument(fmt::format(
        "expected a list of strings for all items, in the shape [k], or one for each, in the shape "
        "[{}, k]; found the shape {}",
        count, accel::to_string(shape)));
  }
  const size_t length = static_cast<size_t>(shape.back());
  if (length > limits.items_max / count) {
    return invalid_argument(fmt::format(
        "expected at most {} strings in the lists of all items together, found {} times {}",
        limits.items_max, count, length));
  }
  if (!shared) {
    auto next = choices.values.begin();
    for (TaskInput& item : items) {
      const auto end = next + static_cast<ptrdiff_t>(length);
      item.choices.assign(std::make_move_iterator(next), std::make_move_iterator(end));
      next = end;
    }
    return {};
  }
  if (size_of_strings(choices.values) > limits.tensor_bytes_max / count) {
    return invalid_argument(
        fmt::format("expected at most {} bytes in the lists of all items together, found more",
                    limits.tensor_bytes_max));
  }
  for (TaskInput& item : items) item.choices = choices.values;
  return {};
}

Result<std::vector<TaskInput>> read_items(std::vector<InferInput>& inputs,
                                          const RequestLimits& limits) {
  ACCEL_ASSIGN(const ItemParts parts, parts_of(inputs));
  ACCEL_ASSIGN(const size_t count, item_count(inputs));
  if (count > limits.items_max) {
    return invalid_argument(
        fmt::format("inputs: expected at most {} items, found {}", limits.items_max, count));
  }
  const auto strings_of = [&](ItemPart part) { return parts[static_cast<size_t>(part)]; };
  std::vector<TaskInput> items(count);
  for (size_t i = 0; i < count; ++i) {
    if (Strings* text = strings_of(ItemPart::kText)) items[i].text = std::move(text->values[i]);
    if (Strings* second = strings_of(ItemPart::kSecondText)) {
      items[i].second_text = std::move(second->values[i]);
    }
    if (Strings* media = strings_of(ItemPart::kMedia)) {
      items[i].media = std::move(media->values[i]);
    }
  }
  if (Strings* choices = strings_of(ItemPart::kChoices)) {
    ACCEL_TRY(spread_choices(*choices, limits, items));
  }
  return items;
}

// Triton's schedule policy: 1 is the highest priority and, as no other is configured, the default.
Result<int> priority_of(const Parameters& parameters) {
  constexpr int64_t kLevels = 1'000'000;
  ACCEL_ASSIGN(const std::optional<int64_t> level, find_integer(parameters, "priority"));
  if (level.value_or(0) < 0) {
    return invalid_argument(
        fmt::format("parameter 'priority': expected 0, for the default, 1, which goes first, 2, "
                    "which goes after it, or more; found {}",
                    *level));
  }
  return level.value_or(0) == 0 ? 0 : static_cast<int>(1 - std::min(*level, kLevels));
}

Result<std::optional<double>> infer_timeout(const Parameters& parameters) {
  ACCEL_ASSIGN(const std::optional<int64_t> us, find_integer(parameters, "timeout"));
  if (us.value_or(0) < 0) {
    return invalid_argument(
        fmt::format("parameter 'timeout': expected microseconds, at least 0, found {}", *us));
  }
  if (us.value_or(0) == 0) return std::optional<double>();
  return std::optional(static_cast<double>(*us) / 1000);
}

// Not 0, false or "": clients send those when there is no sequence.
bool is_set(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return false;
  return std::visit([](const auto& value) { return value != std::decay_t<decltype(value)>(); },
                    found->second);
}

Status refuse_sequences(const Parameters& parameters) {
  for (const std::string_view name : {"sequence_id", "sequence_start", "sequence_end"}) {
    if (!is_set(parameters, name)) continue;
    return invalid_argument(fmt::format(
        "parameter '{}': models here keep nothing from one request to the next; expected requests "
        "that stand alone",
        name));
  }
  return {};
}

Status check_outputs(const std::vector<WantedOutput>& outputs) {
  std::set<std::string_view> names;
  for (const WantedOutput& output : outputs) {
    if (!names.insert(output.name).second) {
      return invalid_argument(fmt::format("output '{}': asked for twice", output.name));
    }
    if (output.classes < 0) {
      return invalid_argument(
          fmt::format("output '{}': parameter 'classification': expected at least 0, found {}",
                      output.name, output.classes));
    }
  }
  return {};
}

Status check_inputs(const std::vector<InferInput>& inputs) {
  if (inputs.empty()) return invalid_argument("inputs: expected at least one, found none");
  std::set<std::string_view> names;
  const bool strings = datatype_of(inputs.front().data) == kBytes;
  for (const InferInput& input : inputs) {
    if (!names.insert(input.name).second) {
      return invalid_argument(fmt::format("input '{}': given twice", input.name));
    }
    if ((datatype_of(input.data) == kBytes) != strings) {
      return invalid_argument(fmt::format(
          "inputs: expected either items of a task, of datatype BYTES, or numbers for the model's "
          "own graph; found '{}' of {} and '{}' of {}",
          inputs.front().name, name_of(datatype_of(inputs.front().data)), input.name,
          name_of(datatype_of(input.data))));
    }
  }
  return {};
}

Result<service::RunTensors> run_tensors(InferRequest& request, std::string model,
                                        const RequestLimits& limits) {
  if (request.parameters.contains("task")) {
    return invalid_argument(
        "parameter 'task': of items, which are inputs of datatype BYTES; numbers go to the model's "
        "own graph");
  }
  service::RunTensors run{.model = std::move(model), .inputs = {}};
  ACCEL_ASSIGN(run.timeout_ms, infer_timeout(request.parameters));
  uint64_t left = limits.tensor_bytes_max;
  for (InferInput& input : request.inputs) {
    const uint64_t size = byte_size_of(input.data);
    if (size > left) {
      return invalid_argument(fmt::format("inputs: expected at most {} bytes together, found more",
                                          limits.tensor_bytes_max));
    }
    left -= size;
    run.inputs.push_back({std::move(input.name), std::get<Tensor>(std::move(input.data))});
  }
  return run;
}

Result<service::RunItems> run_items(InferRequest& request, std::string model,
                                    const RequestLimits& limits) {
  service::RunItems run{.model = std::move(model), .items = {}, .how = {}};
  ACCEL_ASSIGN(const std::optional<std::string> task, find_string(request.parameters, "task"));
  run.how.task = task.value_or("");
  ACCEL_ASSIGN(run.how.options, task_options_of(request.parameters));
  ACCEL_ASSIGN(run.how.timeout_ms, infer_timeout(request.parameters));
  ACCEL_ASSIGN(run.how.priority, priority_of(request.parameters));
  ACCEL_ASSIGN(run.items, read_items(request.inputs, limits));
  return run;
}

}  // namespace

Result<std::string> service_name(const std::string& model, const std::string& version) {
  if (model.empty()) return invalid_argument("expected a model's name, found none");
  if (version.empty()) return model;
  int number = 0;
  const char* const end = version.data() + version.size();
  const auto [stop, error] = std::from_chars(version.data(), end, number);
  if (error != std::errc() || stop != end || number < 1) {
    return invalid_argument(
        fmt::format("expected a model's version, which is a number from 1 on, found '{}'",
                    version.substr(0, 40)));
  }
  return fmt::format("{}:{}", model, number);
}

Result<InferCall> call_of(InferRequest request, const RequestLimits& limits) {
  ACCEL_ASSIGN(std::string model, service_name(request.model, request.version));
  ACCEL_TRY(check_inputs(request.inputs));
  ACCEL_TRY(check_outputs(request.outputs));
  ACCEL_TRY(refuse_sequences(request.parameters));
  InferAnswer head{.model = std::move(request.model),
                   .version = std::move(request.version),
                   .id = std::move(request.id)};
  if (datatype_of(request.inputs.front().data) != kBytes) {
    ACCEL_ASSIGN(service::RunTensors run, run_tensors(request, std::move(model), limits));
    return InferCall{std::move(run),
                     InferCollector(std::move(head), std::move(request.outputs), 0)};
  }
  ACCEL_ASSIGN(service::RunItems run, run_items(request, std::move(model), limits));
  const size_t count = run.items.size();
  return InferCall{std::move(run),
                   InferCollector(std::move(head), std::move(request.outputs), count)};
}

}  // namespace accel::server::kserve
