#include "hub/http_caller.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/try.h"
#include "hub/curl_library.h"
#include "hub/http.h"

namespace accel::hub {
namespace {

constexpr int kCallStepMs = 100;
constexpr long kCallConnectSeconds = 10;
constexpr size_t kCallHeadersMax = 256;

std::string_view without_blanks(std::string_view text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

// Which addresses a call may connect to.
struct AddressCheck {
  std::function<bool(const sockaddr& address)> may_connect;
  bool refused = false;  // one was
};

// An answer while it comes.
struct ComingAnswer {
  HttpAnswer answer;
  uint64_t bytes_max = 0;

  bool take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // another answer: of a proxy, or 100 Continue
      answer = {};
      const size_t space = std::min(line.find(' '), line.size() - 1);
      std::from_chars(line.data() + space + 1, line.data() + line.size(), answer.code);
      return true;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    if (answer.headers.size() == kCallHeadersMax) return false;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers.emplace_back(std::move(name), without_blanks(line.substr(colon + 1)));
    return true;
  }
  // False: there is more than may be.
  bool take_body(std::string_view bytes) {
    const uint64_t left = bytes_max - answer.body.size();
    answer.cut = bytes.size() > left;
    answer.body += bytes.substr(0, left);
    return !answer.cut;
  }
};

namespace {

size_t on_call_header(char* bytes, size_t size, size_t count, void* coming) {
  const bool taken = static_cast<ComingAnswer*>(coming)->take_header({bytes, size * count});
  return taken ? size * count : 0;
}

size_t on_call_body(char* bytes, size_t size, size_t count, void* coming) {
  const bool taken = static_cast<ComingAnswer*>(coming)->take_body({bytes, size * count});
  return taken ? size * count : 0;
}

curl_socket_t on_call_socket(void* check, curlsocktype, curl_sockaddr* address) {
  auto& self = *static_cast<AddressCheck*>(check);
  if (!self.may_connect(address->addr)) {
    self.refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Which of its checks a certificate has failed stands in the words of libcurl and OpenSSL alone.
std::string advice_for(CURLcode code, std::string_view words, const std::string& ca_file) {
  const auto said = [&](std::string_view part) {
    return words.find(part) != std::string_view::npos;
  };
  if (code == CURLE_SSL_CACERT_BADFILE) {
    return fmt::format("; expected certificates in PEM in {}", ca_file);
  }
  if (code == CURLE_SSL_CONNECT_ERROR && said("wrong version")) {
    return "; expected TLS, found another protocol: does its URL begin with http://?";
  }
  if (code != CURLE_PEER_FAILED_VERIFICATION) return "";
  if (said("expired"))
    return "; the server needs a new certificate, or this machine's clock is off";
  if (said("match") || said("subject name")) {
    return "; expected the URL to have a name or an address that the server's certificate is for";
  }
  if (!ca_file.empty()) {
    return fmt::format("; expected a certificate that an authority in {} vouches for", ca_file);
  }
  return "; expected a certificate that this system trusts: name the file of your own authority in "
         "SSL_CERT_FILE";
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

struct HttpCaller::State {
  const CurlLibrary* curl = nullptr;
  HttpCallerOptions options;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  ComingAnswer coming;
  AddressCheck check;
  char error[CURL_ERROR_SIZE] = {};

  ~State() {
    if (easy != nullptr) curl->easy_cleanup(easy);
    if (multi != nullptr) curl->multi_cleanup(multi);
    curl->slist_free_all(headers);
  }
  void prepare();
  void begin(const HttpCall& call);
  // Until the transfer has ended; how.
  Result<CURLcode> finish(const std::function<Status()>& go_on);
};

void HttpCaller::State::prepare() {
  const auto set = curl->easy_setopt;
  set(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_CONNECTTIMEOUT, kCallConnectSeconds);
  set(easy, CURLOPT_HEADERFUNCTION, on_call_header);
  set(easy, CURLOPT_HEADERDATA, &coming);
  set(easy, CURLOPT_WRITEFUNCTION, on_call_body);
  set(easy, CURLOPT_WRITEDATA, &coming);
  set(easy, CURLOPT_ERRORBUFFER, error);
  if (!options.ca_file.empty()) set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.proxies) set(easy, CURLOPT_PROXY, "");
  if (!options.unix_socket.empty()) {
    set(easy, CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
    set(easy, CURLOPT_NOPROXY, "*");
  }
}

void HttpCaller::State::begin(const HttpCall& call) {
  const auto set = curl->easy_setopt;
  coming = {.bytes_max = options.answer_bytes_max};
  check = {.may_connect = call.may_connect};
  set(easy, CURLOPT_OPENSOCKETFUNCTION, check.may_connect ? &on_call_socket : nullptr);
  set(easy, CURLOPT_OPENSOCKETDATA, &check);
  error[0] = '\0';
  curl->slist_free_all(headers);
  headers = nullptr;
  for (const std::string& line : call.headers) headers = curl->slist_append(headers, line.c_str());
  set(easy, CURLOPT_URL, call.url.c_str());
  if (call.body) {
    headers = curl->slist_append(headers, "Expect:");  // the body is sent without being asked for
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDS, call.body->data());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->size()));
  } else {
    set(easy, CURLOPT_HTTPGET, 1L);
  }
  set(easy, CURLOPT_HTTPHEADER, headers);
}

Result<CURLcode> HttpCaller::State::finish(const std::function<Status()>& go_on) {
  while (true) {
    int running = 0;
    CURLMcode code = curl->multi_perform(multi, &running);
    if (code == CURLM_OK && running > 0) {
      ACCEL_TRY(go_on());
      code = curl->multi_poll(multi, nullptr, 0, kCallStepMs, nullptr);
    }
    if (code != CURLM_OK) return internal_error(curl->multi_strerror(code));
    int left = 0;
    while (const CURLMsg* message = curl->multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
  }
}

HttpCaller::HttpCaller(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpCaller::~HttpCaller() = default;

Result<std::unique_ptr<HttpCaller>> HttpCaller::create(const HttpCallerOptions& options) {
  ACCEL_ASSIGN(const CurlLibrary* curl, curl_library());
  auto state = std::make_unique<State>();
  state->curl = curl;
  state->options = options;
  state->multi = curl->multi_init();
  state->easy = curl->easy_init();
  if (state->multi == nullptr || state->easy == nullptr) {
    return resource_exhausted("libcurl could not begin");
  }
  state->prepare();
  return std::unique_ptr<HttpCaller>(new HttpCaller(std::move(state)));
}

Result<HttpAnswer> HttpCaller::call(const HttpCall& call, const std::function<Status()>& go_on) {
  State& state = *state_;
  ACCEL_ASSIGN(const std::string origin, origin_of(call.url));
  state.begin(call);
  const CURLMcode added = state.curl->multi_add_handle(state.multi, state.easy);
  if (added != CURLM_OK) return internal_error(state.curl->multi_strerror(added));
  const Result<CURLcode> ended = state.finish(go_on);
  state.curl->multi_remove_handle(state.multi, state.easy);
  const std::string& where = state.options.unix_socket.empty() ? origin : state.options.unix_socket;
  if (!ended.ok()) return ended.status().with_context(where);
  if (state.coming.answer.cut) return std::move(state.coming.answer);
  if (*ended != CURLE_OK && state.check.refused) {
    return permission_denied(where + ": its address is none that may be connected to");
  }
  if (*ended != CURLE_OK) {
    const char* words = state.error[0] != '\0' ? state.error : state.curl->easy_strerror(*ended);
    return unavailable(where + ": " + words + advice_for(*ended, words, state.options.ca_file));
  }
  return std::move(state.coming.answer);
}

}  // namespace accel::hub
