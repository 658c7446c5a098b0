#include "cli/task_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"

namespace accel::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

bool takes(const TaskReport& task, std::string_view member) {
  return std::ranges::find(task.inputs, member, &TaskInputPart::member) != task.inputs.end();
}

Status wrong_kind(const TaskInputPart& part, std::string_view expected, const OrderedJson& found) {
  return invalid_argument(
      fmt::format("\"{}\": expected {}, found {}", part.name, expected, found.type_name()));
}

Status take_text(const TaskInputPart& part, const OrderedJson& value, TaskInput& input) {
  if (!value.is_string()) return wrong_kind(part, "a string", value);
  (part.member == "text" ? input.text : input.second_text.emplace()) = value.get<std::string>();
  return {};
}

Status take_list(const TaskInputPart& part, const OrderedJson& value, TaskInput& input) {
  if (value.is_string()) {
    input.choices = split_at_commas(value.get<std::string>());
    return {};
  }
  input.choices.clear();
  if (!value.is_array()) return wrong_kind(part, "an array of strings", value);
  for (const OrderedJson& one : value) {
    if (!one.is_string()) return wrong_kind(part, "an array of strings", one);
    input.choices.push_back(one.get<std::string>());
  }
  return {};
}

Result<TaskInput> input_of(const TaskReport& task, const OrderedJson& json,
                           const TaskDefaults& defaults) {
  TaskInput input{.second_text = defaults.second_text, .choices = defaults.choices};
  for (const TaskInputPart& part : task.inputs) {
    const auto value = json.find(part.name);
    if (value != json.end()) {
      ACCEL_TRY(part.member == "choices" ? take_list(part, *value, input)
                                         : take_text(part, *value, input));
    } else if (part.member == "text") {
      std::vector<std::string_view> names;
      for (const TaskInputPart& one : task.inputs) names.push_back(one.name);
      return invalid_argument(fmt::format("expected an object with {}, found no \"{}\"",
                                          fmt::join(names, ", "), part.name));
    }
  }
  return input;
}

class GivenItems : public TaskSource {
 public:
  explicit GivenItems(std::vector<TaskInput> items) : items_(std::move(items)) {}
  Result<std::optional<TaskItem>> next() override {
    if (at_ == items_.size()) return std::optional<TaskItem>();
    return std::optional(TaskItem{.input = std::move(items_[at_++])});
  }
  std::optional<uint64_t> size_bytes() const override { return std::nullopt; }

 private:
  std::vector<TaskInput> items_;
  size_t at_ = 0;
};

class LineItems : public TaskSource {
 public:
  LineItems(const TaskReport& task, const TaskDefaults& defaults, bool json,
            std::unique_ptr<TextInput> lines)
      : task_(task), defaults_(defaults), json_(json), lines_(std::move(lines)) {}

  Result<std::optional<TaskItem>> next() override {
    while (true) {
      ACCEL_ASSIGN(std::optional<InputText> line, lines_->next());
      if (!line) return std::optional<TaskItem>();
      if (json_ && line->text.find_first_not_of(" \t\r") == std::string::npos) continue;
      TaskItem item = json_ ? item_of_json(task_, line->text, defaults_)
                            : TaskItem{.input = TaskInput{.text = std::move(line->text),
                                                          .second_text = defaults_.second_text,
                                                          .choices = defaults_.choices}};
      item.position = line->position;
      return std::optional(std::move(item));
    }
  }
  std::optional<uint64_t> size_bytes() const override { return lines_->size_bytes(); }

 private:
  const TaskReport& task_;
  const TaskDefaults& defaults_;
  const bool json_;
  const std::unique_ptr<TextInput> lines_;
};

}  // namespace

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

std::vector<TaskInput> items_of(const TaskReport& task, std::vector<std::string> arguments,
                                const TaskDefaults& defaults) {
  std::vector<TaskInput> items;
  if (takes(task, "choices") && defaults.choices.empty() && !arguments.empty()) {
    items.push_back({.text = std::move(arguments.front()), .second_text = defaults.second_text});
    items.back().choices.assign(std::make_move_iterator(arguments.begin() + 1),
                                std::make_move_iterator(arguments.end()));
    return items;
  }
  for (std::string& text : arguments) {
    items.push_back({.text = std::move(text),
                     .second_text = defaults.second_text,
                     .choices = defaults.choices});
  }
  return items;
}

TaskItem item_of_json(const TaskReport& task, std::string_view line, const TaskDefaults& defaults) {
  // Checks the depth, too; the order of members is what the second parsing is for.
  const Result<Json> checked = parse_json(line);
  if (!checked.ok()) return {.input = checked.status()};
  if (!checked->is_object()) {
    return {.input = invalid_argument(
                fmt::format("expected a JSON object, found {}", checked->type_name()))};
  }
  OrderedJson json = OrderedJson::parse(line, nullptr, /*allow_exceptions=*/false);
  TaskItem item{.input = input_of(task, json, defaults)};
  for (const TaskInputPart& part : task.inputs) json.erase(part.name);
  for (const std::string_view member : kRecordMembers) {
    if (!json.contains(member)) continue;
    item.input = invalid_argument(fmt::format(
        "\"{}\": the answer has a member of that name; call the record's own otherwise", member));
    json.erase(std::string(member));
  }
  if (!json.empty()) item.carried = std::move(json);
  return item;
}

std::unique_ptr<TaskSource> source_of(std::vector<TaskInput> items) {
  return std::make_unique<GivenItems>(std::move(items));
}

Result<std::unique_ptr<TaskSource>> open_source(const TaskReport& task, const TaskFile& file,
                                                const TaskDefaults& defaults) {
  ACCEL_ASSIGN(auto lines, open_text_input(file.path, {.stop_fd = file.stop_fd}));
  return std::unique_ptr<TaskSource>(
      std::make_unique<LineItems>(task, defaults, file.json, std::move(lines)));
}

}  // namespace accel::cli
