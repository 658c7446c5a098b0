#include "server/given_texts.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/try.h"

namespace accel::server {
namespace {

bool is_text_or_array(JsonKind kind) {
  return kind == JsonKind::kString || kind == JsonKind::kArray;
}

Status read_token_id(JsonValue& value, std::string_view name, std::vector<int32_t>& ids) {
  int64_t id = 0;
  ACCEL_TRY(value.read(id));
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    return invalid_argument(fmt::format("{}: expected ids of tokens, found {}", name, id));
  }
  ids.push_back(static_cast<int32_t>(id));
  return {};
}

// Those of one text.
Status read_token_ids(JsonValue& value, std::string_view name, std::vector<int32_t>& ids) {
  ids.clear();
  return value.elements([&](JsonValue& element) { return read_token_id(element, name, ids); });
}

}  // namespace

Status too_many(std::string_view name, const RequestLimits& limits) {
  return out_of_range(fmt::format("{}: expected at most {}, found more", name, limits.items_max));
}

Status read_text_array(JsonValue& value, std::string_view name, const RequestLimits& limits,
                       std::vector<std::string>& texts) {
  texts.clear();
  return value.elements([&](JsonValue& element) -> Status {
    if (texts.size() >= limits.items_max) return too_many(name, limits);
    return element.read(texts.emplace_back());
  });
}

Status read_texts(JsonValue& value, std::string_view name, const RequestLimits& limits,
                  std::vector<std::string>& texts) {
  texts.clear();
  const JsonKind kind = value.kind();
  if (kind == JsonKind::kString) return value.read(texts.emplace_back());
  if (!is_text_or_array(kind)) {
    return invalid_argument(
        fmt::format("{}: expected a text or an array of texts, found {}", name, to_string(kind)));
  }
  return read_text_array(value, name, limits, texts);
}

Status read_ids(JsonValue& value, std::string_view name, const RequestLimits& limits,
                std::vector<std::vector<int32_t>>& texts) {
  texts.clear();
  std::vector<int32_t> alone;
  ACCEL_TRY(value.elements([&](JsonValue& element) -> Status {
    const JsonKind kind = element.kind();
    if (kind == JsonKind::kNumber && texts.empty()) return read_token_id(element, name, alone);
    if (kind != JsonKind::kArray || !alone.empty()) {
      return invalid_argument(
          fmt::format("{}: expected ids of tokens, or arrays of these, not mixed", name));
    }
    if (texts.size() >= limits.items_max) return too_many(name, limits);
    return read_token_ids(element, name, texts.emplace_back());
  }));
  if (!alone.empty()) texts.push_back(std::move(alone));
  return {};
}

Status read_texts_or_ids(JsonValue& value, std::string_view name, const RequestLimits& limits,
                         std::vector<TaskInput>& items) {
  items.clear();
  const JsonKind kind = value.kind();
  if (kind == JsonKind::kString) return value.read(items.emplace_back().text);
  if (!is_text_or_array(kind)) {
    return invalid_argument(
        fmt::format("{}: expected a text, its tokens' ids, or an array of these, found {}", name,
                    to_string(kind)));
  }
  std::vector<int32_t> alone;  // of an array of numbers
  ACCEL_TRY(value.elements([&](JsonValue& element) -> Status {
    const JsonKind of_element = element.kind();
    if (of_element == JsonKind::kNumber && items.empty()) {
      return read_token_id(element, name, alone);
    }
    if (!is_text_or_array(of_element) || !alone.empty()) {
      return invalid_argument(
          fmt::format("{}: expected texts, or ids of tokens, or arrays of these, not mixed", name));
    }
    if (items.size() >= limits.items_max) return too_many(name, limits);
    TaskInput& item = items.emplace_back();
    if (of_element == JsonKind::kString) return element.read(item.text);
    return read_token_ids(element, name, item.tokens.emplace());
  }));
  if (!alone.empty()) items.emplace_back().tokens = std::move(alone);
  return {};
}

std::vector<TaskInput> items_of(std::vector<std::string> texts) {
  std::vector<TaskInput> items;
  items.reserve(texts.size());
  for (std::string& text : texts) items.push_back({.text = std::move(text)});
  return items;
}

}  // namespace accel::server
