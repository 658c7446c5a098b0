#include "hub/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "base/try.h"
#include "hub/curl_library.h"

namespace accel::hub {
namespace {

constexpr int kRedirectsMax = 8;
constexpr size_t kErrorBytesMax = 512;
constexpr size_t kHeadersMax = 256;

bool is_success(int code) { return code == 200 || code == 206; }
bool is_redirect(int code) {
  return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}
bool code_may_pass(int code) { return code == 408 || code == 429 || code >= 500; }

// Failures of the network, of which a second try may know nothing.
bool failure_may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
  }
}

std::string trimmed(std::string_view text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text.substr(0, kErrorBytesMax));
}

}  // namespace

// One transfer, through its redirects. libcurl keeps pointers to it, so it does not move.
struct HttpTransfer {
  const CurlLibrary* curl = nullptr;
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  uint64_t id = 0;
  HttpRequest request;
  std::string origin;  // that the token is for
  HttpSink* sink = nullptr;
  HttpHead head;
  int redirects = 0;
  size_t header_lines = 0;
  bool head_given = false;
  Status sink_status;
  char error[CURL_ERROR_SIZE] = {};

  void take_header(std::string_view line);
  Status take_body(std::string_view bytes);
  Status give_head();
};

void HttpTransfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // another answer: of a proxy, or 100 Continue
    head = {};
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), head.code);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string value = trimmed(line.substr(colon + 1));
  if (name == "content-length") {
    uint64_t length = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    if (read.ec == std::errc()) head.content_length = length;
  } else if (name == "content-range") {
    head.content_range = value;
  } else if (name == "retry-after") {
    head.retry_after = value;
  } else if (name == "x-error-message") {
    head.error = value;
  } else if (name == "x-error-code") {
    head.reason = value;
  }
}

Status HttpTransfer::give_head() {
  if (head_given || !is_success(head.code)) return {};
  head_given = true;
  return sink->head(head);
}

Status HttpTransfer::take_body(std::string_view bytes) {
  if (is_success(head.code)) {
    ACCEL_TRY(give_head());
    return sink->body(bytes);
  }
  // The page of an error: its beginning may say why.
  if (!is_redirect(head.code) && head.reason.empty() && head.error.size() < kErrorBytesMax) {
    head.error += trimmed(bytes.substr(0, kErrorBytesMax - head.error.size()));
  }
  return {};
}

namespace {

size_t on_header(char* bytes, size_t size, size_t count, void* transfer) {
  auto& self = *static_cast<HttpTransfer*>(transfer);
  if (++self.header_lines > kHeadersMax) return 0;
  self.take_header({bytes, size * count});
  return size * count;
}

size_t on_body(char* bytes, size_t size, size_t count, void* transfer) {
  auto& self = *static_cast<HttpTransfer*>(transfer);
  self.sink_status = self.take_body({bytes, size * count});
  return self.sink_status.ok() ? size * count : 0;
}

}  // namespace

struct HttpClient::State {
  const CurlLibrary* curl = nullptr;
  CURLM* multi = nullptr;
  HttpOptions options;
  uint64_t last_id = 0;
  std::map<CURL*, std::unique_ptr<HttpTransfer>> transfers;
  std::vector<HttpOutcome> refused;  // without a transfer

  ~State();
  Status begin(HttpTransfer& transfer);
  void set_headers(HttpTransfer& transfer, bool with_token);
  // True when a redirect has begun in its place.
  Result<bool> redirect(HttpTransfer& transfer);
  HttpOutcome outcome_of(HttpTransfer& transfer, CURLcode code);
  void end(HttpTransfer& transfer);
};

HttpClient::State::~State() {
  for (auto& [handle, transfer] : transfers) end(*transfer);
  if (multi != nullptr) curl->multi_cleanup(multi);
}

void HttpClient::State::end(HttpTransfer& transfer) {
  curl->multi_remove_handle(multi, transfer.handle);
  curl->easy_cleanup(transfer.handle);
  curl->slist_free_all(transfer.headers);
}

void HttpClient::State::set_headers(HttpTransfer& transfer, bool with_token) {
  curl->slist_free_all(transfer.headers);
  transfer.headers = nullptr;
  const auto add = [&](const std::string& line) {
    transfer.headers = curl->slist_append(transfer.headers, line.c_str());
  };
  if (with_token && !transfer.request.token.empty()) {
    add("Authorization: Bearer " + transfer.request.token);
  }
  if (transfer.request.begin > 0) add(fmt::format("Range: bytes={}-", transfer.request.begin));
  curl->easy_setopt(transfer.handle, CURLOPT_HTTPHEADER, transfer.headers);
}

Status HttpClient::State::begin(HttpTransfer& transfer) {
  ACCEL_ASSIGN(transfer.origin, origin_of(transfer.request.url));
  CURL* handle = transfer.handle;
  const auto set = curl->easy_setopt;
  set(handle, CURLOPT_URL, transfer.request.url.c_str());
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_HTTPGET, 1L);
  set(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  set(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_max.count()));
  set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_max.count()));
  set(handle, CURLOPT_HEADERFUNCTION, on_header);
  set(handle, CURLOPT_HEADERDATA, &transfer);
  set(handle, CURLOPT_WRITEFUNCTION, on_body);
  set(handle, CURLOPT_WRITEDATA, &transfer);
  set(handle, CURLOPT_ERRORBUFFER, transfer.error);
  set(handle, CURLOPT_PRIVATE, &transfer);
  if (!options.ca_file.empty()) set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  set(handle, CURLOPT_BUFFERSIZE, 256L << 10);
  set_headers(transfer, true);
  const CURLMcode added = curl->multi_add_handle(multi, handle);
  if (added != CURLM_OK) return internal_error(curl->multi_strerror(added));
  return {};
}

Result<bool> HttpClient::State::redirect(HttpTransfer& transfer) {
  if (!is_redirect(transfer.head.code)) return false;
  char* location = nullptr;
  curl->easy_getinfo(transfer.handle, CURLINFO_REDIRECT_URL, &location);
  if (location == nullptr) return unavailable("the server redirects without saying where to");
  if (++transfer.redirects > kRedirectsMax) {
    return unavailable(fmt::format("the server redirects more than {} times", kRedirectsMax));
  }
  const std::string url = location;
  const Result<std::string> origin = origin_of(url);
  if (!origin.ok()) return origin.status().with_context("the server redirects");
  if (transfer.origin.starts_with("https:") && !origin->starts_with("https:")) {
    return permission_denied("the server redirects from https to " + *origin +
                             ", where others could read and change what comes");
  }
  curl->multi_remove_handle(multi, transfer.handle);
  transfer.head = {};
  transfer.header_lines = 0;
  curl->easy_setopt(transfer.handle, CURLOPT_URL, url.c_str());
  set_headers(transfer, *origin == transfer.origin);
  const CURLMcode added = curl->multi_add_handle(multi, transfer.handle);
  if (added != CURLM_OK) return internal_error(curl->multi_strerror(added));
  return true;
}

HttpOutcome HttpClient::State::outcome_of(HttpTransfer& transfer, CURLcode code) {
  HttpOutcome outcome{.id = transfer.id, .head = transfer.head};
  const std::string& secret = transfer.request.token;  // a server may send it back
  if (!secret.empty() && outcome.head.error.find(secret) != std::string::npos) {
    outcome.head.error.clear();
  }
  if (code == CURLE_OK && transfer.sink_status.ok()) {
    outcome.status = transfer.give_head();  // of an empty body
    outcome.may_pass = outcome.status.ok() && code_may_pass(transfer.head.code);
    return outcome;
  }
  if (!transfer.sink_status.ok()) {
    outcome.status = transfer.sink_status;
    return outcome;
  }
  outcome.may_pass = failure_may_pass(code);
  const std::string words = transfer.error[0] != '\0' ? transfer.error : curl->easy_strerror(code);
  std::string advice;
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    advice = "; expected a certificate that this system trusts: install ca-certificates, or name "
             "the file of your own authority in SSL_CERT_FILE";
  }
  outcome.status = unavailable(fmt::format("{}: {}{}", transfer.origin, words, advice));
  return outcome;
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::create(const HttpOptions& options) {
  ACCEL_ASSIGN(const CurlLibrary* curl, curl_library());
  auto state = std::make_unique<State>();
  state->curl = curl;
  state->options = options;
  state->multi = curl->multi_init();
  if (state->multi == nullptr) return resource_exhausted("libcurl could not begin");
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

uint64_t HttpClient::start(const HttpRequest& request, HttpSink& sink) {
  auto transfer = std::make_unique<HttpTransfer>();
  transfer->curl = state_->curl;
  transfer->id = ++state_->last_id;
  transfer->request = request;
  transfer->sink = &sink;
  transfer->handle = state_->curl->easy_init();
  const uint64_t id = transfer->id;
  Status begun = transfer->handle == nullptr ? resource_exhausted("libcurl could not begin")
                                             : state_->begin(*transfer);
  if (!begun.ok()) {
    if (transfer->handle != nullptr) state_->end(*transfer);
    state_->refused.push_back({.id = id, .head = {}, .status = begun});
    return id;
  }
  state_->transfers.emplace(transfer->handle, std::move(transfer));
  return id;
}

Result<std::vector<HttpOutcome>> HttpClient::step(std::chrono::milliseconds wait, int stop_fd) {
  std::vector<HttpOutcome> ended = std::move(state_->refused);
  state_->refused.clear();
  if (!ended.empty()) return ended;
  const CurlLibrary& curl = *state_->curl;
  int still_running = 0;
  CURLMcode code = curl.multi_perform(state_->multi, &still_running);
  curl_waitfd stop{.fd = stop_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  if (code == CURLM_OK && (still_running > 0 || state_->transfers.empty())) {
    code = curl.multi_poll(state_->multi, &stop, stop_fd < 0 ? 0 : 1,
                           static_cast<int>(wait.count()), nullptr);
    if (code == CURLM_OK) code = curl.multi_perform(state_->multi, &still_running);
  }
  if (code != CURLM_OK) return internal_error(curl.multi_strerror(code));
  int left = 0;
  while (const CURLMsg* message = curl.multi_info_read(state_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;  // gone when the handle is removed
    const auto found = state_->transfers.find(message->easy_handle);
    HttpTransfer& transfer = *found->second;
    const Result<bool> redirected =
        result == CURLE_OK ? state_->redirect(transfer) : Result<bool>(false);
    if (redirected.ok() && *redirected) continue;
    ended.push_back(
        redirected.ok()
            ? state_->outcome_of(transfer, result)
            : HttpOutcome{.id = transfer.id, .head = {}, .status = redirected.status()});
    state_->end(transfer);
    state_->transfers.erase(found);
  }
  return ended;
}

void HttpClient::stop_all() {
  for (auto& [handle, transfer] : state_->transfers) state_->end(*transfer);
  state_->transfers.clear();
  state_->refused.clear();
}

Result<std::string> curl_version() {
  ACCEL_ASSIGN(const CurlLibrary* curl, curl_library());
  return std::string(curl->version());
}

Result<std::string> origin_of(const std::string& url) {
  ACCEL_ASSIGN(const CurlLibrary* curl, curl_library());
  CURLU* parsed = curl->url();
  if (parsed == nullptr) return resource_exhausted("libcurl could not begin");
  std::string origin;
  bool fine = curl->url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  for (const auto& [part, before] :
       {std::pair(CURLUPART_SCHEME, ""), {CURLUPART_HOST, "://"}, {CURLUPART_PORT, ":"}}) {
    char* text = nullptr;
    fine = fine && curl->url_get(parsed, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (!fine) break;
    origin += before;
    for (const char* c = text; *c != '\0'; ++c) {
      origin += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
    }
    curl->free(text);
  }
  curl->url_cleanup(parsed);
  if (fine && (origin.starts_with("https://") || origin.starts_with("http://"))) return origin;
  return invalid_argument("expected a URL of http or https, found another");
}

}  // namespace accel::hub
