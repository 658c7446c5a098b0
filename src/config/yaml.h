// YAML to a tree of values, each with its line. Pure, and safe on hostile text.
//
// Taken are mappings, lists and scalars in block or flow form, and with them JSON. Refused, with
// the place, are what a file of settings does not need and an attacker would use: anchors and
// aliases, tags, a second document, a key twice, more than 16 levels, more than 256 KiB, control
// characters, and text that is no UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::config {

constexpr size_t kYamlBytesMax = 256 << 10;
constexpr size_t kYamlDepthMax = 16;

enum class YamlKind : uint8_t { kNull, kScalar, kList, kMap };

struct YamlNode {
  YamlKind kind = YamlKind::kNull;
  int line = 1;      // counted from 1
  std::string key;   // within a mapping
  std::string text;  // of a scalar, without quotes
  std::vector<YamlNode> children;
};

// `name` is the file's, for "name:7: ..." in messages. An empty text is kNull. INVALID_ARGUMENT;
// RESOURCE_EXHAUSTED for a text that is too long.
Result<YamlNode> parse_yaml(std::string_view text, std::string_view name);

}  // namespace accel::config
