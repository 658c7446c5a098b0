#include "server/keys/key_table.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "base/suggestion.h"
#include "base/try.h"
#include "config/yaml.h"
#include "server/keys/key_text.h"
#include "server/keys/moment.h"

namespace accel::server {
namespace {

using config::YamlKind;
using config::YamlNode;

constexpr size_t kKeyNameBytesMax = 64;
constexpr size_t kShownBytesMax = 64;
constexpr double kKeyNumberMax = 1e12;

std::string found_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlKind::kNull: return "nothing";
    case YamlKind::kList: return "a list";
    case YamlKind::kMap: return "a mapping";
    case YamlKind::kScalar: break;
  }
  if (node.text.size() > kShownBytesMax) return fmt::format("{} bytes", node.text.size());
  return fmt::format("'{}'", node.text);
}

Status expected(const YamlNode& node, std::string_view what) {
  return invalid_argument(fmt::format("expected {}, found {}", what, found_text(node)));
}

Status unknown_word(const YamlNode& node, std::span<const std::string_view> words,
                    std::string_view what) {
  return invalid_argument(fmt::format("expected {}, found {}{}", what, found_text(node),
                                      did_you_mean(node.text, words)));
}

Result<double> number_of(const YamlNode& node, double least, std::string_view what) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  const bool fits = node.kind == YamlKind::kScalar && error == std::errc() && stop == end &&
                    std::isfinite(value) && value >= least && value <= kKeyNumberMax && value > 0;
  if (!fits) return expected(node, what);
  return value;
}

Status read_name(const YamlNode& node, Key& key) {
  if (node.kind != YamlKind::kScalar || !is_key_name(node.text)) {
    return expected(node, fmt::format("up to {} letters, digits, '-', '_' and '.', the first a "
                                      "letter or a digit, and not 'anonymous'",
                                      kKeyNameBytesMax));
  }
  key.name = node.text;
  return {};
}

// What is found is not shown: it may be a key itself, in the wrong place.
Status read_hash(const YamlNode& node, Key& key) {
  constexpr std::string_view kKind = "sha256:";
  std::string_view digits = node.text;
  const bool kind_said = digits.starts_with(kKind);
  digits.remove_prefix(kind_said ? kKind.size() : 0);
  std::string lower(digits);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (node.kind != YamlKind::kScalar || !kind_said || !is_key_hash(lower)) {
    return invalid_argument(
        "expected sha256: and 64 hexadecimal digits, found something else, not shown here; "
        "accel keys new makes keys");
  }
  key.hash = std::move(lower);
  return {};
}

Status read_scopes(const YamlNode& node, Key& key) {
  if (node.kind != YamlKind::kList) return expected(node, "a list, as [infer, metrics]");
  key.scopes.clear();
  for (const YamlNode& one : node.children) {
    const std::optional<Scope> scope = scope_of(one.text);
    if (one.kind != YamlKind::kScalar || !scope) {
      constexpr std::array<std::string_view, 3> kWords{"infer", "admin", "metrics"};
      return unknown_word(one, kWords, "infer, admin or metrics");
    }
    if (!key.allows(*scope)) key.scopes.push_back(*scope);
  }
  return {};
}

Status read_models(const YamlNode& node, Key& key) {
  if (node.kind != YamlKind::kList || node.children.empty()) {
    return expected(node, "a list of models, as [minilm, \"bge:2\"]; without the line all");
  }
  for (const YamlNode& one : node.children) {
    if (one.kind != YamlKind::kScalar || one.text.empty()) {
      return expected(one, "the name of a model");
    }
    key.models.push_back(one.text);
  }
  return {};
}

Status read_expires(const YamlNode& node, Key& key) {
  key.expires_seconds = parse_moment(node.text);
  if (node.kind == YamlKind::kScalar && key.expires_seconds) return {};
  return expected(node, "a moment in UTC, as 2027-01-31T00:00:00Z or 2027-01-31");
}

Status read_rate(const YamlNode& node, Key& key) {
  ACCEL_ASSIGN(key.limits.requests_per_second, number_of(node, 0, "a number above 0"));
  return {};
}

Status read_burst(const YamlNode& node, Key& key) {
  ACCEL_ASSIGN(key.limits.burst, number_of(node, 1, "a number from 1 on"));
  return {};
}

Status read_concurrent(const YamlNode& node, Key& key) {
  constexpr std::string_view kWhat = "a whole number from 1 on";
  ACCEL_ASSIGN(const double number, number_of(node, 1, kWhat));
  if (number != std::floor(number)) return expected(node, kWhat);
  key.limits.concurrent = static_cast<uint64_t>(number);
  return {};
}

Status read_tokens(const YamlNode& node, Key& key) {
  ACCEL_ASSIGN(key.limits.tokens_per_minute, number_of(node, 1, "a number from 1 on"));
  return {};
}

Status read_priority(const YamlNode& node, Key& key) {
  for (const Priority one : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
    if (node.kind != YamlKind::kScalar || node.text != to_string(one)) continue;
    key.priority = one;
    return {};
  }
  constexpr std::array<std::string_view, 3> kWords{"low", "normal", "high"};
  return unknown_word(node, kWords, "low, normal or high");
}

Status read_bulk(const YamlNode& node, Key& key) {
  key.bulk = node.text == "true";
  if (node.kind == YamlKind::kScalar && (key.bulk || node.text == "false")) return {};
  return expected(node, "true or false");
}

struct KeyMember {
  std::string_view name;
  Status (*read)(const YamlNode& node, Key& key);
};

constexpr std::array<KeyMember, 11> kKeyMembers{{{"name", read_name},
                                                 {"hash", read_hash},
                                                 {"scopes", read_scopes},
                                                 {"models", read_models},
                                                 {"expires", read_expires},
                                                 {"requests_per_second", read_rate},
                                                 {"burst", read_burst},
                                                 {"concurrent", read_concurrent},
                                                 {"tokens_per_minute", read_tokens},
                                                 {"priority", read_priority},
                                                 {"bulk", read_bulk}}};

class KeyTableReader {
 public:
  explicit KeyTableReader(std::string_view file) : file_(file) {}

  Result<KeyTable> read(const YamlNode& root) {
    if (root.kind == YamlKind::kNull) return KeyTable();
    if (root.kind != YamlKind::kMap) return wrong(root, "", expected(root, "a mapping: keys:"));
    for (const YamlNode& node : root.children) {
      if (node.key != "keys") return unknown(node, std::array<std::string_view, 1>{"keys"});
      ACCEL_TRY(read_list(node));
    }
    return KeyTable(std::move(keys_));
  }

 private:
  Status wrong(const YamlNode& node, std::string_view member, const Status& why) const {
    if (member.empty()) return why.with_context(fmt::format("{}:{}", file_, node.line));
    return why.with_context(fmt::format("{}:{}: {}", file_, node.line, member));
  }

  Status unknown(const YamlNode& node, std::span<const std::string_view> known) const {
    const std::string name =
        node.key.size() > kShownBytesMax ? node.key.substr(0, kShownBytesMax) + "..." : node.key;
    return wrong(node, "",
                 invalid_argument(fmt::format("expected {}, found '{}'{}", fmt::join(known, ", "),
                                              name, did_you_mean(node.key, known))));
  }

  Status read_list(const YamlNode& node) {
    if (node.kind == YamlKind::kNull) return {};
    if (node.kind != YamlKind::kList) return wrong(node, "keys", expected(node, "a list"));
    if (node.children.size() > kKeysMax) {
      return wrong(node, "keys",
                   invalid_argument(fmt::format("expected at most {} keys, found {}", kKeysMax,
                                                node.children.size())));
    }
    for (const YamlNode& one : node.children) {
      ACCEL_ASSIGN(Key key, read_key(one));
      ACCEL_TRY(keep(one, std::move(key)));
    }
    return {};
  }

  Result<Key> read_key(const YamlNode& node) const {
    if (node.kind != YamlKind::kMap) {
      return wrong(node, "keys", expected(node, "a key, as - name: team-a"));
    }
    Key key;
    key.line = node.line;
    for (const YamlNode& member : node.children) {
      const auto found = std::ranges::find(kKeyMembers, member.key, &KeyMember::name);
      if (found == kKeyMembers.end()) {
        std::vector<std::string_view> known;
        for (const KeyMember& one : kKeyMembers) known.push_back(one.name);
        return unknown(member, known);
      }
      const Status status = found->read(member, key);
      if (!status.ok()) return wrong(member, member.key, status);
    }
    const auto missing = [&](std::string_view member) {
      return wrong(node, member, invalid_argument("expected one for each key, found none"));
    };
    if (key.name.empty()) return missing("name");
    if (key.hash.empty()) return missing("hash");
    if (key.limits.burst > 0 && key.limits.requests_per_second == 0) {
      return wrong(node, "burst", invalid_argument("expected requests_per_second beside it"));
    }
    if (key.limits.burst == 0 && key.limits.requests_per_second > 0) {
      key.limits.burst = std::ceil(key.limits.requests_per_second);
    }
    return key;
  }

  Status keep(const YamlNode& node, Key key) {
    const auto [same, is_new] = lines_.emplace(key.hash, node.line);
    if (!is_new) {
      return wrong(
          node, "hash",
          invalid_argument(fmt::format("this key stands in line {} already", same->second)));
    }
    keys_.push_back(std::move(key));
    return {};
  }

  const std::string_view file_;
  std::vector<Key> keys_;
  std::map<std::string, int> lines_;  // by hash
};

}  // namespace

const Key* KeyTable::find(std::string_view hash) const {
  size_t found = 0;  // its place, from 1 on
  for (size_t i = 0; i < keys_.size(); ++i) {
    const bool sized = keys_[i].hash.size() == hash.size();
    const int other = sized ? ::CRYPTO_memcmp(keys_[i].hash.data(), hash.data(), hash.size()) : 1;
    // All ones if they are the same: without a branch on what was found.
    const size_t mask = size_t{0} - static_cast<size_t>(other == 0);
    found |= mask & (i + 1);
  }
  return found == 0 ? nullptr : &keys_[found - 1];
}

Result<KeyTable> parse_key_table(std::string_view text, std::string_view file) {
  ACCEL_ASSIGN(const YamlNode root, config::parse_yaml(text, file));
  return KeyTableReader(file).read(root);
}

bool is_key_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto is_allowed = [&](char c) { return is_plain(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= kKeyNameBytesMax && is_plain(name.front()) &&
         std::ranges::all_of(name, is_allowed) && name != "anonymous";
}

}  // namespace accel::server
