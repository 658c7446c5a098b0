#include "hub/settings.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/files.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultEndpoint = "https://huggingface.co";
constexpr uint64_t kTokenBytesMax = 4096;

std::string value_of(const Variable& variable, const char* name) {
  const char* value = variable(name);
  return value == nullptr ? "" : value;
}

// "~/x" as the Hub's clients expand it.
fs::path path_of(const Variable& variable, const char* name) {
  std::string value = value_of(variable, name);
  if (value != "~" && !value.starts_with("~/")) return fs::path(std::move(value));
  return fs::path(value_of(variable, "HOME")) / value.substr(std::min<size_t>(value.size(), 2));
}

// Where the Hub's clients keep everything; empty when the environment says nothing.
fs::path hub_home(const Variable& variable) {
  if (fs::path home = path_of(variable, "HF_HOME"); !home.empty()) return home;
  if (const fs::path caches = path_of(variable, "XDG_CACHE_HOME"); !caches.empty()) {
    return caches / "huggingface";
  }
  const fs::path home = path_of(variable, "HOME");
  return home.empty() ? home : home / ".cache" / "huggingface";
}

fs::path config_folder(const Variable& variable) {
  if (fs::path own = path_of(variable, "ACCEL_CONFIG_DIR"); !own.empty()) return own;
  if (const fs::path xdg = path_of(variable, "XDG_CONFIG_HOME"); xdg.is_absolute()) {
    return xdg / "accel";
  }
  const fs::path home = path_of(variable, "HOME");
  return home.empty() ? home : home / ".config" / "accel";
}

bool is_set(const Variable& variable, const char* name) {
  std::string value = value_of(variable, name);
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::toupper(c); });
  constexpr std::array<std::string_view, 4> kTrue{"1", "ON", "YES", "TRUE"};
  return std::ranges::find(kTrue, value) != kTrue.end();
}

std::string stripped(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

bool visible(char c) { return c > ' ' && c < 0x7f; }

}  // namespace

const char* environment_variable(const char* name) { return ::getenv(name); }

Places user_places(const Variable& variable) {
  Places places;
  if (const fs::path config = config_folder(variable); !config.empty()) {
    places.aliases = config / "aliases.json";
  }
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    places.cache = path_of(variable, name);
    if (!places.cache.empty()) return places;
  }
  if (const fs::path home = hub_home(variable); !home.empty()) places.cache = home / "hub";
  return places;
}

Result<std::string> endpoint(std::string_view given, const Variable& variable) {
  std::string url(given);
  if (url.empty()) url = value_of(variable, "HF_ENDPOINT");
  if (url.empty()) url = kDefaultEndpoint;
  while (url.ends_with('/')) url.pop_back();
  const size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const std::string_view rest = std::string_view(url).substr(scheme);
  const bool fine = scheme > 0 && !rest.empty() && std::ranges::all_of(url, visible) &&
                    rest.find_first_of("@?#\\") == std::string_view::npos && rest.front() != '/';
  if (fine) return url;
  // A user's name may come with a password: it is not shown.
  const bool secret = url.find('@') != std::string::npos;
  return invalid_argument(
      fmt::format("the endpoint: expected a URL such as https://host without a user's name and "
                  "query, found {}",
                  secret ? "one with '@'" : "'" + url + "'"));
}

Result<std::string> token(const Variable& variable) {
  if (is_set(variable, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) return std::string();
  std::string found = stripped(value_of(variable, "HF_TOKEN"));
  if (found.empty()) found = stripped(value_of(variable, "HUGGING_FACE_HUB_TOKEN"));
  std::string where = "HF_TOKEN";
  if (found.empty()) {
    fs::path file = path_of(variable, "HF_TOKEN_PATH");
    if (file.empty() && !hub_home(variable).empty()) file = hub_home(variable) / "token";
    if (file.empty()) return found;
    const Result<std::string> text = read_file(file, kTokenBytesMax);
    if (!text.ok() && text.status().code() == StatusCode::kNotFound) return found;
    if (!text.ok()) return text.status();
    found = stripped(*text);
    where = file.string();
  }
  if (std::ranges::all_of(found, visible)) return found;
  return invalid_argument(where + ": expected one token, found spaces or other characters that a "
                                  "token does not have");
}

std::string ca_file(const Variable& variable) {
  for (const char* name : {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (fs::path file = path_of(variable, name); !file.empty()) return file.string();
  }
  return "";
}

bool offline(const Variable& variable) {
  return is_set(variable, "HF_HUB_OFFLINE") || is_set(variable, "TRANSFORMERS_OFFLINE");
}

}  // namespace accel::hub
