// Typed members of a JSON object that others wrote, where one fault makes the whole useless and
// need not be told apart: headers and messages of our own making, cut off or spoilt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "accel/precision.h"
#include "base/json.h"

namespace accel {

// After a member that is missing, of another kind or beyond a bound, ok is false; what is given
// then means nothing.
struct JsonMembers {
  static constexpr int kNumberMost = 1 << 20;
  static constexpr size_t kTextsMost = 1 << 20;

  const Json& object;
  bool& ok;

  const Json& at(const char* name) const {
    static const Json kNone;
    if (object.is_object()) {
      if (const auto found = object.find(name); found != object.end()) return *found;
    }
    ok = false;
    return kNone;
  }
  std::string text(const char* name) const {
    const Json& value = at(name);
    ok = ok && value.is_string();
    return ok ? value.get<std::string>() : std::string();
  }
  // From 0 to kNumberMost.
  int number(const char* name) const {
    const Json& value = at(name);
    ok = ok && value.is_number_unsigned() && value.get<uint64_t>() <= kNumberMost;
    return ok ? value.get<int>() : 0;
  }
  double real(const char* name) const {
    const Json& value = at(name);
    ok = ok && value.is_number();
    return ok ? value.get<double>() : 0;
  }
  bool flag(const char* name) const {
    const Json& value = at(name);
    ok = ok && value.is_boolean();
    return ok && value.get<bool>();
  }
  Precision precision(const char* name) const {
    const auto parsed = parse_precision(text(name));
    ok = ok && parsed.ok();
    return ok ? *parsed : Precision::kF32;
  }
  std::vector<std::string> texts(const char* name) const {
    const Json& list = at(name);
    std::vector<std::string> texts;
    ok = ok && list.is_array() && list.size() <= kTextsMost;
    if (!ok) return texts;
    for (const Json& one : list) {
      ok = ok && one.is_string();
      if (ok) texts.push_back(one.get<std::string>());
    }
    return texts;
  }
};

}  // namespace accel
