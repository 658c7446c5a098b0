#include "cli/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/try.h"

namespace accel::cli {
namespace {

constexpr std::array<std::string_view, 6> kFileSuffixes = {".gguf", ".onnx",   ".xml",
                                                           ".pb",   ".tflite", ".pdmodel"};

// The last part of a path or of a name of the Hub.
std::string name_of(std::string_view model) {
  while (model.size() > 1 && model.ends_with('/')) model.remove_suffix(1);
  model = model.substr(model.rfind('/') + 1);
  model = model.substr(0, model.find('@'));
  for (const std::string_view suffix : kFileSuffixes) {
    if (model.size() > suffix.size() && model.ends_with(suffix)) {
      model.remove_suffix(suffix.size());
    }
  }
  return std::string(model);
}

// "org/name", which is a name for clients too.
bool is_hub_name(std::string_view model) {
  return std::ranges::count(model, '/') == 1 && !model.starts_with('/') &&
         !model.starts_with('.') && !model.ends_with('/');
}

Status check_name(const std::string& name) {
  if (!name.empty() && name.find_first_of(":=") == std::string::npos) return {};
  return invalid_argument(
      fmt::format("expected a model's name without ':' and '=', found '{}'", name));
}

}  // namespace

Result<std::vector<ServedName>> served_names(const std::vector<std::string>& given) {
  std::vector<ServedName> served;
  std::set<std::string> taken;
  for (const std::string& text : given) {
    const size_t equals = text.find('=');
    ServedName one;
    if (equals == std::string::npos) {
      one = {.name = name_of(text), .model = text};
    } else {
      one = {.name = text.substr(0, equals), .model = text.substr(equals + 1)};
    }
    ACCEL_TRY(check_name(one.name));
    if (one.model.empty()) {
      return invalid_argument(fmt::format("{}: expected NAME=MODEL, found no model", text));
    }
    if (!taken.insert(one.name).second) {
      return invalid_argument(
          fmt::format("two models are called '{}'; name one of them otherwise, as in other={}",
                      one.name, one.model));
    }
    served.push_back(std::move(one));
  }
  for (ServedName& one : served) {
    const std::string plain = one.model.substr(0, one.model.find('@'));
    if (is_hub_name(plain) && taken.insert(plain).second) one.aliases.push_back(plain);
  }
  if (!served.empty() && taken.insert("default").second) {
    served.front().aliases.emplace_back("default");
  }
  return served;
}

Result<GivenAlias> parse_alias(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return invalid_argument(fmt::format("--alias: expected NAME=MODEL, found '{}'", text));
  }
  return GivenAlias{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<ListenAddress> parse_listen(std::string_view text) {
  if (text.starts_with("unix:")) return ListenAddress{.address = std::string(text)};
  const size_t colon = text.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::string_view address = colon == std::string_view::npos ? "" : text.substr(0, colon);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return invalid_argument(fmt::format(
        "expected ADDRESS:PORT, as 127.0.0.1:8000 or [::1]:8000, a port alone, or unix:PATH, found "
        "'{}'",
        text));
  }
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return ListenAddress{.address = address.empty() ? "127.0.0.1" : std::string(address),
                       .port = port};
}

bool is_loopback(std::string_view address) {
  return address.starts_with("unix:") || address.starts_with("127.") || address == "::1" ||
         address == "localhost";
}

}  // namespace accel::cli
