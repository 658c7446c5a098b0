// "Did you mean ...": the name nearest to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace accel {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) to `name`, if
// that is at most a third of its length; the first of equals. `name` longer than 128 bytes has
// none.
std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> candidates);

// "; did you mean CANDIDATE?", or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace accel
