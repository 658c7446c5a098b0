// What the environment says about hubs, as huggingface_hub understands it. Pure but for files that
// hold a token.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::hub {

// The value of an environment variable, or null.
using Variable = std::function<const char*(const char* name)>;

// Of this process.
const char* environment_variable(const char* name);

struct Places {
  std::filesystem::path cache;    // of models; empty: the environment says nothing of one
  std::filesystem::path aliases;  // the file of names; empty likewise
};

// The cache is $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else hub/ in $HF_HOME, else in
// $XDG_CACHE_HOME/huggingface, else in ~/.cache/huggingface. The aliases are aliases.json in
// $ACCEL_CONFIG_DIR, else in $XDG_CONFIG_HOME/accel, else in ~/.config/accel.
Places user_places(const Variable& variable = environment_variable);

// "https://host" or "https://host/path", without a slash at the end: `given`, else $HF_ENDPOINT,
// else the Hub. INVALID_ARGUMENT for anything but http and https, and for a URL with a user's name,
// a query or spaces.
Result<std::string> endpoint(std::string_view given,
                             const Variable& variable = environment_variable);

// $HF_TOKEN, else $HUGGING_FACE_HUB_TOKEN, else what stands in $HF_TOKEN_PATH, else in the file
// "token" of $HF_HOME (or where that would be); empty for none, and when
// $HF_HUB_DISABLE_IMPLICIT_TOKEN is set. INVALID_ARGUMENT, which does not show it, for a token with
// characters that no header may hold.
Result<std::string> token(const Variable& variable = environment_variable);

// A file of certificates to trust instead of the system's: $CURL_CA_BUNDLE, else
// $REQUESTS_CA_BUNDLE, else $SSL_CERT_FILE; empty for none.
std::string ca_file(const Variable& variable = environment_variable);

// $HF_HUB_OFFLINE or $TRANSFORMERS_OFFLINE is 1, ON, YES or TRUE.
bool offline(const Variable& variable = environment_variable);

}  // namespace accel::hub
