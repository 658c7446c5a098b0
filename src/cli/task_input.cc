#include "cli/task_input.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/try.h"
#include "cli/media_files.h"

namespace accel::cli {
namespace {

const TaskInputPart* find_part(const TaskReport& task, std::string_view member) {
  const auto it = std::ranges::find(task.inputs, member, &TaskInputPart::member);
  return it == task.inputs.end() ? nullptr : &*it;
}

// An item of a task that takes files has its path also in its record, under the part's name.
TaskItem item_of(const TaskReport& task, std::string text_or_path, const TaskDefaults& defaults) {
  TaskInput input{.second_text = defaults.second_text, .choices = defaults.choices};
  const TaskInputPart* media = find_part(task, "media");
  if (media == nullptr) {
    input.text = std::move(text_or_path);
    return {.input = std::move(input)};
  }
  nlohmann::ordered_json carried;
  carried[media->name] = text_or_path;
  return {
      .input = std::move(input), .carried = std::move(carried), .file = std::move(text_or_path)};
}

// Reads what the item's file is; one that fails carries its error from then on.
TaskItem loaded(TaskItem item) {
  if (item.file.empty() || !item.input.ok()) return item;
  Result<std::string> bytes = read_media(item.file);
  if (bytes.ok()) {
    item.input->media = std::move(*bytes);
  } else {
    item.input = bytes.status();
  }
  return item;
}

Status wrong_kind(const TaskInputPart& part, std::string_view expected,
                  const nlohmann::ordered_json& found) {
  return invalid_argument(
      fmt::format("\"{}\": expected {}, found {}", part.name, expected, found.type_name()));
}

Status take_text(const TaskInputPart& part, const nlohmann::ordered_json& value, TaskInput& input) {
  if (!value.is_string()) return wrong_kind(part, "a string", value);
  (part.member == "text" ? input.text : input.second_text.emplace()) = value.get<std::string>();
  return {};
}

Status take_list(const TaskInputPart& part, const nlohmann::ordered_json& value, TaskInput& input) {
  if (value.is_string()) {
    input.choices = split_at_commas(value.get<std::string>());
    return {};
  }
  input.choices.clear();
  if (!value.is_array()) return wrong_kind(part, "an array of strings", value);
  for (const nlohmann::ordered_json& one : value) {
    if (!one.is_string()) return wrong_kind(part, "an array of strings", one);
    input.choices.push_back(one.get<std::string>());
  }
  return {};
}

Result<TaskInput> input_of(const TaskReport& task, const nlohmann::ordered_json& json,
                           const TaskDefaults& defaults, std::string& file) {
  TaskInput input{.second_text = defaults.second_text, .choices = defaults.choices};
  for (const TaskInputPart& part : task.inputs) {
    const auto value = json.find(part.name);
    if (value != json.end()) {
      if (part.member == "choices") {
        ACCEL_TRY(take_list(part, *value, input));
      } else if (part.member == "media") {
        if (!value->is_string()) return wrong_kind(part, "the path of a file", *value);
        file = value->get<std::string>();
      } else {
        ACCEL_TRY(take_text(part, *value, input));
      }
    } else if (part.member == "text" || part.member == "media") {
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
  explicit GivenItems(std::vector<TaskItem> items) : items_(std::move(items)) {}
  Result<std::optional<TaskItem>> next() override {
    if (at_ == items_.size()) return std::optional<TaskItem>();
    return std::optional(loaded(std::move(items_[at_++])));
  }
  std::optional<uint64_t> size_bytes() const override { return std::nullopt; }

 private:
  std::vector<TaskItem> items_;
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
                            : item_of(task_, std::move(line->text), defaults_);
      item.position = line->position;
      return std::optional(loaded(std::move(item)));
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

Result<std::vector<TaskItem>> items_of(const TaskReport& task, std::vector<std::string> arguments,
                                       const TaskDefaults& defaults) {
  std::vector<TaskItem> items;
  const TaskInputPart* media = find_part(task, "media");
  if (find_part(task, "choices") != nullptr && defaults.choices.empty() && !arguments.empty()) {
    items.push_back(item_of(task, std::move(arguments.front()), defaults));
    items.back().input->choices.assign(std::make_move_iterator(arguments.begin() + 1),
                                       std::make_move_iterator(arguments.end()));
    return items;
  }
  if (media != nullptr) {
    ACCEL_ASSIGN(arguments, media_files(arguments, media->name));
  }
  for (std::string& argument : arguments) {
    items.push_back(item_of(task, std::move(argument), defaults));
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
  nlohmann::ordered_json json =
      nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  std::string file;
  TaskItem item{.input = input_of(task, json, defaults, file)};
  item.file = std::move(file);
  for (const TaskInputPart& part : task.inputs) {
    if (part.member != "media") json.erase(part.name);
  }
  for (const std::string_view member : kRecordMembers) {
    if (!json.contains(member)) continue;
    item.input = invalid_argument(fmt::format(
        "\"{}\": the answer has a member of that name; call the record's own otherwise", member));
    json.erase(std::string(member));
  }
  if (!json.empty()) item.carried = std::move(json);
  return item;
}

std::unique_ptr<TaskSource> source_of(std::vector<TaskItem> items) {
  return std::make_unique<GivenItems>(std::move(items));
}

Result<std::unique_ptr<TaskSource>> open_source(const TaskReport& task, const TaskFile& file,
                                                const TaskDefaults& defaults) {
  ACCEL_ASSIGN(auto lines, open_text_input(file.path, {.stop_fd = file.stop_fd}));
  return std::unique_ptr<TaskSource>(
      std::make_unique<LineItems>(task, defaults, file.json, std::move(lines)));
}

}  // namespace accel::cli
