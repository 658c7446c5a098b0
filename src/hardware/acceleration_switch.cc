#include "hardware/acceleration_switch.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "hardware/system_text.h"

namespace accel::hardware {
namespace {

constexpr std::array<std::string_view, 5> kOff{"0", "false", "no", "off", "disabled"};
constexpr std::array<std::string_view, 6> kOn{"", "1", "true", "yes", "on", "enabled"};

}  // namespace

std::string AccelerationSwitch::assignment() const {
  return std::string(kSwitchVariable) + "=" + value.value_or("");
}

AccelerationSwitch parse_acceleration_switch(std::optional<std::string_view> value) {
  AccelerationSwitch found;
  if (!value) return found;
  found.value = std::string(*value);
  std::string word(trim(*value));
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::ranges::find(kOff, word) != kOff.end()) {
    found.enabled = false;
  } else if (std::ranges::find(kOn, word) == kOn.end()) {
    found.remark = "expected 0 or 1; what it is counts as 1";
  }
  return found;
}

AccelerationSwitch read_acceleration_switch() {
  const char* value = std::getenv(kSwitchVariable);  // NOLINT(concurrency-mt-unsafe): see header
  if (value == nullptr) return parse_acceleration_switch(std::nullopt);
  return parse_acceleration_switch(value);
}

}  // namespace accel::hardware
