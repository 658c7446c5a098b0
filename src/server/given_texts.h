// The texts of a request, in the forms that several protocols have. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/task.h"
#include "server/endpoint.h"
#include "server/json/json_reader.h"

namespace accel::server {

// All replace what is there. More than `limits.items_max` are refused; none is for the caller to
// refuse. `name` is the member's, for errors.

// An array of texts.
Status read_text_array(JsonValue& value, std::string_view name, const RequestLimits& limits,
                       std::vector<std::string>& texts);

// A text, or an array of texts.
Status read_texts(JsonValue& value, std::string_view name, const RequestLimits& limits,
                  std::vector<std::string>& texts);

// A text, its tokens' ids, or an array of either. An array of numbers is one text's ids.
Status read_texts_or_ids(JsonValue& value, std::string_view name, const RequestLimits& limits,
                         std::vector<TaskInput>& items);

// The tokens' ids of one text, or of several: an array of numbers, or of such arrays.
Status read_ids(JsonValue& value, std::string_view name, const RequestLimits& limits,
                std::vector<std::vector<int32_t>>& texts);

// "texts: expected at most 32, found more"
Status too_many(std::string_view name, const RequestLimits& limits);

// Items of texts alone.
std::vector<TaskInput> items_of(std::vector<std::string> texts);

}  // namespace accel::server
