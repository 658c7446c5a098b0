#include "hub/curl_library.h"

#include <dlfcn.h>

#include <array>
#include <string>

namespace accel::hub {
namespace {

// The GnuTLS flavour of Debian and Ubuntu has the same interface.
constexpr std::array<const char*, 2> kCurlFiles{"libcurl.so.4", "libcurl-gnutls.so.4"};

template <class Function>
bool find_symbol(void* library, const char* name, Function& target) {
  target = reinterpret_cast<Function>(::dlsym(library, name));
  return target != nullptr;
}

bool find_all(void* library, CurlLibrary& curl) {
  return find_symbol(library, "curl_easy_init", curl.easy_init) &&
         find_symbol(library, "curl_easy_cleanup", curl.easy_cleanup) &&
         find_symbol(library, "curl_easy_setopt", curl.easy_setopt) &&
         find_symbol(library, "curl_easy_getinfo", curl.easy_getinfo) &&
         find_symbol(library, "curl_easy_strerror", curl.easy_strerror) &&
         find_symbol(library, "curl_multi_init", curl.multi_init) &&
         find_symbol(library, "curl_multi_cleanup", curl.multi_cleanup) &&
         find_symbol(library, "curl_multi_add_handle", curl.multi_add_handle) &&
         find_symbol(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
         find_symbol(library, "curl_multi_perform", curl.multi_perform) &&
         find_symbol(library, "curl_multi_poll", curl.multi_poll) &&
         find_symbol(library, "curl_multi_info_read", curl.multi_info_read) &&
         find_symbol(library, "curl_multi_setopt", curl.multi_setopt) &&
         find_symbol(library, "curl_multi_strerror", curl.multi_strerror) &&
         find_symbol(library, "curl_slist_append", curl.slist_append) &&
         find_symbol(library, "curl_slist_free_all", curl.slist_free_all) &&
         find_symbol(library, "curl_url", curl.url) &&
         find_symbol(library, "curl_url_set", curl.url_set) &&
         find_symbol(library, "curl_url_get", curl.url_get) &&
         find_symbol(library, "curl_url_cleanup", curl.url_cleanup) &&
         find_symbol(library, "curl_free", curl.free) &&
         find_symbol(library, "curl_version", curl.version);
}

Result<const CurlLibrary*> open_curl() {
  std::string reason;
  for (const char* file : kCurlFiles) {
    void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* words = ::dlerror();
      if (reason.empty() && words != nullptr) reason = words;
      continue;
    }
    static CurlLibrary curl;
    decltype(&::curl_global_init) global_init = nullptr;
    if (find_symbol(library, "curl_global_init", global_init) && find_all(library, curl) &&
        global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
      return &curl;  // stays open: it cannot be unloaded safely
    }
    reason = std::string(file) + " is older than 7.66";
  }
  return unavailable(
      "talking to a server needs libcurl 7.66 or later, and there is none: " + reason +
      "; install it, on Debian or Ubuntu: apt-get install libcurl4 ca-certificates");
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  static const Result<const CurlLibrary*> library = open_curl();
  return library;
}

}  // namespace accel::hub
