#include "server/sight/http_post.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "hub/curl_library.h"
#include "hub/http.h"

namespace accel::server {
namespace {

constexpr size_t kPostAnswerBytesMax = 64 << 10;
constexpr int kPostStepMs = 100;

size_t take_post_answer(char* bytes, size_t size, size_t count, void* answer) {
  auto& body = static_cast<PostAnswer*>(answer)->body;
  body.append(bytes, std::min(size * count, kPostAnswerBytesMax - body.size()));
  return size * count;
}

}  // namespace

struct HttpPost::State {
  const hub::CurlLibrary* curl = nullptr;
  PostTarget target;
  std::string origin;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  PostAnswer answer;
  char error[CURL_ERROR_SIZE] = {};

  ~State() {
    if (easy != nullptr) curl->easy_cleanup(easy);
    if (multi != nullptr) curl->multi_cleanup(multi);
    curl->slist_free_all(headers);
  }
  void prepare();
  // Until the transfer has ended; how.
  Result<CURLcode> finish(const std::function<Clock::time_point()>& deadline);
};

void HttpPost::State::prepare() {
  const auto set = curl->easy_setopt;
  headers = curl->slist_append(headers, ("Content-Type: " + target.content_type).c_str());
  headers = curl->slist_append(headers, "Expect:");  // the body is sent without being asked for
  set(easy, CURLOPT_URL, target.url.c_str());
  set(easy, CURLOPT_POST, 1L);
  set(easy, CURLOPT_HTTPHEADER, headers);
  set(easy, CURLOPT_USERAGENT, target.user_agent.c_str());
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_WRITEFUNCTION, take_post_answer);
  set(easy, CURLOPT_WRITEDATA, &answer);
  set(easy, CURLOPT_ERRORBUFFER, error);
  if (!target.ca_file.empty()) set(easy, CURLOPT_CAINFO, target.ca_file.c_str());
}

Result<CURLcode> HttpPost::State::finish(const std::function<Clock::time_point()>& deadline) {
  while (true) {
    int running = 0;
    CURLMcode code = curl->multi_perform(multi, &running);
    if (code == CURLM_OK && running > 0) {
      if (Clock::now() >= deadline()) {
        return deadline_exceeded(origin + ": expected an answer in time, found none");
      }
      code = curl->multi_poll(multi, nullptr, 0, kPostStepMs, nullptr);
    }
    if (code != CURLM_OK) return internal_error(curl->multi_strerror(code));
    int left = 0;
    while (const CURLMsg* message = curl->multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
  }
}

HttpPost::HttpPost(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpPost::~HttpPost() = default;

const std::string& HttpPost::origin() const { return state_->origin; }

Result<std::unique_ptr<HttpPost>> HttpPost::create(PostTarget target) {
  ACCEL_ASSIGN(std::string origin, hub::origin_of(target.url));
  ACCEL_ASSIGN(const hub::CurlLibrary* curl, hub::curl_library());
  auto state = std::make_unique<State>();
  state->curl = curl;
  state->target = std::move(target);
  state->origin = std::move(origin);
  state->multi = curl->multi_init();
  state->easy = curl->easy_init();
  if (state->multi == nullptr || state->easy == nullptr) {
    return resource_exhausted("libcurl could not begin");
  }
  state->prepare();
  return std::unique_ptr<HttpPost>(new HttpPost(std::move(state)));
}

Result<PostAnswer> HttpPost::send(std::string_view body,
                                  const std::function<Clock::time_point()>& deadline) {
  State& state = *state_;
  const auto set = state.curl->easy_setopt;
  set(state.easy, CURLOPT_POSTFIELDS, body.data());
  set(state.easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  state.answer = {};
  state.error[0] = '\0';
  const CURLMcode added = state.curl->multi_add_handle(state.multi, state.easy);
  if (added != CURLM_OK) return internal_error(state.curl->multi_strerror(added));
  const Result<CURLcode> ended = state.finish(deadline);
  long code = 0;
  state.curl->easy_getinfo(state.easy, CURLINFO_RESPONSE_CODE, &code);
  state.curl->multi_remove_handle(state.multi, state.easy);
  ACCEL_TRY(ended.status());
  if (*ended != CURLE_OK) {
    const char* words = state.error[0] != '\0' ? state.error : state.curl->easy_strerror(*ended);
    return unavailable(state.origin + ": " + words);
  }
  state.answer.code = static_cast<int>(code);
  return std::move(state.answer);
}

}  // namespace accel::server
