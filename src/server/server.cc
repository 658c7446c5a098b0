#include "server/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "base/try.h"
#include "server/answer_headers.h"
#include "server/errors.h"
#include "server/grpc/grpc_exchange.h"
#include "server/grpc/methods.h"
#include "server/grpc/status_headers.h"
#include "server/http/coding.h"
#include "server/router.h"

namespace accel::server {
namespace {

constexpr std::string_view kPreflightSeconds = "600";

// 64 random bits and a number: unique, and cheap to make.
std::string new_request_id() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{:016x}", random());
}

std::string model_of(const service::Request& request) {
  return std::visit([](const auto& asked) { return asked.model; }, request);
}

// The time and the class of a request, as its head and its key say.
void apply(const Visitor& visitor, std::optional<double> timeout_ms, service::Request& request) {
  if (auto* items = std::get_if<service::RunItems>(&request)) {
    if (!items->how.timeout_ms) items->how.timeout_ms = timeout_ms;
    items->how.priority += visitor.priority;
    items->how.bulk = items->how.bulk || visitor.bulk;
  } else if (auto* tensors = std::get_if<service::RunTensors>(&request)) {
    if (!tensors->timeout_ms) tensors->timeout_ms = timeout_ms;
  }
}

void keep_longest(const ItemTimes& times, ItemTimes& longest) {
  if (times.total > longest.total) longest = times;
}

void add_times(const ItemTimes& times, ItemTimes& sum) {
  sum.prepare += times.prepare;
  sum.queue += times.queue;
  sum.infer += times.infer;
  sum.finish += times.finish;
  sum.total += times.total;
}

void note(const service::Event& event, RequestRecord& record) {
  if (const auto* answer = std::get_if<service::ItemAnswer>(&event)) {
    ++record.items;
    if (!answer->result.ok()) {
      ++record.failed_items;
      return;
    }
    const ItemResult& item = *answer->result;
    record.tokens += static_cast<uint64_t>(item.tokens);
    record.padded_tokens += static_cast<uint64_t>(item.batch.padded_tokens);
    record.batch_rows.push_back(item.batch.rows);
    record.report = item.report;
    keep_longest(item.times, record.longest);
    add_times(item.times, record.sum);
  } else if (const auto* outputs = std::get_if<InferResult>(&event)) {
    record.report = std::make_shared<const RunReport>(outputs->report);
  }
}

}  // namespace

// One request at its endpoint: from the gate through parse, service and format.
class EndpointExchange : public http::Exchange {
 public:
  // `grpc`: it answers one message of a call, whose frame is not its own.
  EndpointExchange(Server& server, http::RequestHead head, bool grpc)
      : server_(server), grpc_(grpc) {
    ++server_.in_flight_;
    record_.arrived = Clock::now();
    record_.id = request_id_of(head.headers);
    if (record_.id.empty()) record_.id = new_request_id();
    record_.trace_parent = http::find(head.headers, "traceparent");
    record_.method = head.method;
    record_.path = head.path;
    record_.peer = head.peer;
    head_ = std::move(head);
    enter();
  }

  ~EndpointExchange() override {
    --server_.in_flight_;
    record_.ended = Clock::now();
    if (!ended_) record_.status = 499;
    if (admitted_.permit != nullptr) admitted_.permit->ended(record_);
    for (const RequestObserver& observer : server_.parts_.observers) observer(record_);
  }

  uint64_t body_bytes_max() const override { return server_.options_.body_bytes_max; }

  void begin(std::string body) override {
    record_.begun = Clock::now();
    record_.bytes_in = body.size();
    Asked asked{head_, captured_, std::move(body), server_.options_.limits};
    if (endpoint_->answer != nullptr) {
      Result<http::Response> response = endpoint_->answer(asked, server_.state_);
      if (!response.ok()) return fail(response.status());
      return respond(std::move(*response));
    }
    const Status status = call(std::move(asked));
    if (!status.ok()) fail(status);
  }

  std::optional<http::Part> try_next() override {
    if (!ready_ && stream_ == nullptr && inputs_ != nullptr) take_inputs();
    if (ready_) return take_ready();
    if (stream_ == nullptr) return std::nullopt;
    std::string body;
    while (!ready_) {
      std::optional<Result<service::Event>> event = stream_->try_next();
      if (!event) break;
      if (record_.first_answer == Clock::time_point()) record_.first_answer = Clock::now();
      const Status status = take(std::move(*event), body);
      if (!status.ok()) {
        break_off(status, body);
        break;
      }
    }
    if (!ready_ && stream_->ended()) finish(body);
    if (ready_) return take_ready();
    if (body.empty()) return std::nullopt;
    return stream_part(std::move(body));
  }

  bool ended() const override { return ended_; }

  void notify(std::function<void()> waker) override {
    if (!ready_ && stream_ != nullptr) return stream_->notify(std::move(waker));
    if (!ready_ && !ended_ && inputs_ != nullptr) return inputs_->notify(std::move(waker));
    waker();
  }

 private:
  // What can be said on the head alone.
  void enter() {
    const std::span<const Endpoint> endpoints =
        grpc_ ? server_.state_.grpc_methods() : server_.state_.endpoints();
    Route found = route(endpoints, head_.method, head_.path);
    if (grpc_ && found.endpoint == nullptr) {
      return refuse(501, fmt::format("{} is no method of this server; its reflection lists them",
                                     head_.path));
    }
    if (found.allowed.empty()) {
      return refuse(404, fmt::format("{} is no path of this server; GET /openapi.json lists them",
                                     head_.path));
    }
    if (head_.method == "OPTIONS") return answer_preflight(found.allowed);
    if (found.endpoint == nullptr) {
      refuse(405, fmt::format("{} takes {}, found {}", head_.path, found.allowed, head_.method));
      ready_->head->headers.push_back({"allow", found.allowed});
      return;
    }
    endpoint_ = found.endpoint;
    record_.endpoint = endpoint_->path;
    captured_ = std::move(found.captured);
    std::variant<Admitted, Refusal> entry = server_.parts_.gate.admit(head_, endpoint_->scope);
    if (auto* refusal = std::get_if<Refusal>(&entry)) return turn_away(*refusal);
    admitted_ = std::move(std::get<Admitted>(entry));
    record_.visitor = admitted_.visitor.name;
  }

  void turn_away(const Refusal& refusal) {
    record_.refused = refusal.reason;
    record_.error = refusal.why.message();
    http::Response response =
        error_response(shape(), refusal.status, std::string(refusal.why.message()));
    std::erase_if(response.headers,
                  [](const http::Header& one) { return one.name == "retry-after"; });
    if (refusal.retry_seconds > 0) {
      const auto seconds = static_cast<int64_t>(std::ceil(refusal.retry_seconds));
      response.headers.push_back({"retry-after", std::to_string(seconds)});
    }
    if (refusal.status == 401) response.headers.push_back({"www-authenticate", "Bearer"});
    respond(std::move(response));
  }

  // Parses, and hands what is asked to the service.
  Status call(Asked asked) {
    ACCEL_ASSIGN(std::optional<double> timeout_ms, timeout_ms_of(head_.headers));
    if (!timeout_ms && server_.options_.timeout_seconds > 0) {
      timeout_ms = server_.options_.timeout_seconds * 1000;
    }
    ACCEL_ASSIGN(Call made, endpoint_->parse(std::move(asked)));
    record_.model = model_of(made.request);
    if (!record_.model.empty() && !admitted_.visitor.may_use(record_.model)) {
      return permission_denied(fmt::format("this key may not use the model '{}'", record_.model));
    }
    apply(admitted_.visitor, timeout_ms, made.request);
    formatter_ = std::move(made.formatter);
    stream_head_ = formatter_->streams();
    InputResolver* const inputs = server_.parts_.inputs;
    auto* items = std::get_if<service::RunItems>(&made.request);
    if (inputs != nullptr && items != nullptr && InputResolver::needs(*items)) {
      inputs_ = inputs->resolve(std::move(*items), {record_.id, record_.visitor});
    } else {
      // Several items run together, which one after another would not.
      const bool alone = server_.in_flight_ == 1 && items != nullptr && items->items.size() == 1;
      if (alone) items->how.here_ms = server_.options_.here_ms;
      hand_in(std::move(made.request));
    }
    return {};
  }

  void hand_in(service::Request request) {
    record_.handed_in = Clock::now();
    stream_ = server_.parts_.service.submit(std::move(request));
  }

  // Goes on when the request's inputs are there.
  void take_inputs() {
    std::optional<Resolution::Outcome> outcome = inputs_->take();
    if (!outcome) return;
    if (auto* refusal = std::get_if<InputRefusal>(&*outcome)) {
      return refuse(refusal->status, refusal->why.message());
    }
    hand_in(std::move(std::get<service::RunItems>(*outcome)));
  }

  Status take(Result<service::Event> event, std::string& body) {
    ACCEL_TRY(event.status());
    note(*event, record_);
    return formatter_->take(std::move(*event), body);
  }

  void finish(std::string& body) {
    Result<http::Response> response = formatter_->finish();
    if (!response.ok()) return break_off(response.status(), body);
    stream_.reset();
    if (!stream_head_) return respond(std::move(*response));
    body += response->body;
    end_stream(std::move(body));
  }

  void break_off(const Status& status, std::string& body) {
    stream_.reset();
    if (!head_out_ && (body.empty() || !stream_head_)) return fail(status);
    record_.error = status.message();
    body += formatter_->broken_off(status);
    end_stream(std::move(body));
    if (grpc_) ready_->trailers = grpc::status_headers(status);
  }

  void end_stream(std::string body) {
    http::Part part = stream_part(std::move(body));
    last_ = true;
    ready_ = std::move(part);
  }

  http::Part stream_part(std::string body) {
    http::Part part;
    if (!head_out_) {
      part.head = std::move(stream_head_);
      add_answer_headers(record_, part.head->headers);
      add_origin(part.head->headers);
      record_.status = part.head->status;
      head_out_ = true;
    }
    record_.bytes_out += body.size();
    part.body = std::move(body);
    return part;
  }

  // Of a path that is none, as clients of those that begin so expect it.
  ErrorShape shape() const {
    if (grpc_) return ErrorShape::kGrpc;
    if (endpoint_ != nullptr) return endpoint_->errors;
    if (head_.path.starts_with("/v2")) return ErrorShape::kKserve;
    return head_.path.starts_with("/api/") ? ErrorShape::kOllama : ErrorShape::kOpenAi;
  }

  void fail(const Status& status) {
    record_.error = status.message();
    respond(error_response(shape(), status));
  }

  void refuse(int status, const std::string& why) {
    record_.error = why;
    respond(error_response(shape(), status, why));
  }

  void answer_preflight(const std::string& allowed) {
    http::Response response{.status = 204, .headers = {{"allow", allowed + ", OPTIONS"}}};
    const http::Headers& asked = head_.headers;
    if (allows_origin(server_.options_.origins, http::find(asked, "origin"))) {
      response.headers.push_back({"access-control-allow-methods", allowed});
      response.headers.push_back(
          {"access-control-allow-headers",
           std::string(http::find(asked, "access-control-request-headers"))});
      response.headers.push_back({"access-control-max-age", std::string(kPreflightSeconds)});
    }
    respond(std::move(response));
  }

  void add_origin(http::Headers& headers) const {
    if (server_.options_.origins.empty()) return;
    headers.push_back({"vary", "Origin"});
    const std::string_view origin = http::find(head_.headers, "origin");
    if (!allows_origin(server_.options_.origins, origin)) return;
    headers.push_back({"access-control-allow-origin", std::string(origin)});
    headers.push_back({"access-control-expose-headers",
                       "X-Request-Id, Server-Timing, Retry-After, X-Accel-Backend, "
                       "X-Accel-Device, X-Accel-Precision, X-Accel-Fallback"});
  }

  void respond(http::Response response) {
    add_answer_headers(record_, response.headers);
    add_origin(response.headers);
    compress(response);
    record_.status = response.status;
    record_.bytes_out = response.body.size();
    const uint64_t length = response.body.size();
    ready_ = http::Part{.head = http::ResponseHead{.status = response.status,
                                                   .headers = std::move(response.headers),
                                                   .length = length},
                        .body = std::move(response.body)};
    last_ = true;
  }

  void compress(http::Response& response) const {
    const ServerOptions& options = server_.options_;
    if (options.compression == Compression::kNever ||
        response.body.size() < options.compress_bytes_min ||
        (options.compression == Compression::kRemote && head_.loopback)) {
      return;
    }
    const http::Coding coding = http::choose_coding(http::find(head_.headers, "accept-encoding"));
    if (coding == http::Coding::kIdentity) return;
    response.body = http::encode(coding, response.body);
    response.headers.push_back({"content-encoding", std::string(to_string(coding))});
    response.headers.push_back({"vary", "Accept-Encoding"});
  }

  http::Part take_ready() {
    http::Part part = std::move(*ready_);
    ready_.reset();
    ended_ = last_;
    return part;
  }

  Server& server_;
  const bool grpc_;
  RequestRecord record_;
  http::RequestHead head_;
  std::vector<std::string> captured_;
  const Endpoint* endpoint_ = nullptr;
  Admitted admitted_;
  std::unique_ptr<Formatter> formatter_;
  std::unique_ptr<Resolution> inputs_;             // until the end: it counts their memory
  std::unique_ptr<service::EventStream> stream_;   // ends before what it was submitted with
  std::optional<http::ResponseHead> stream_head_;  // of an answer that streams, until it is out
  std::optional<http::Part> ready_;
  bool head_out_ = false;
  bool last_ = false;  // `ready_` is the last part
  bool ended_ = false;
};

Server::Server(ServerOptions options, ServerParts parts)
    : options_(std::move(options)), parts_(std::move(parts)) {
  state_.metrics_ = parts_.metrics;
  const auto wanted = [&](const Endpoint& endpoint) {
    const std::vector<Scope>& scopes = options_.scopes;
    return scopes.empty() || std::ranges::find(scopes, endpoint.scope) != scopes.end();
  };
  std::ranges::copy_if(server::endpoints(), std::back_inserter(state_.endpoints_), wanted);
  std::ranges::copy_if(parts_.more_endpoints, std::back_inserter(state_.endpoints_), wanted);
  std::ranges::copy_if(grpc::methods(), std::back_inserter(state_.grpc_methods_), wanted);
}

std::unique_ptr<http::Exchange> Server::open(http::RequestHead head) {
  if (grpc::is_grpc(head)) return open_call(head);
  return std::make_unique<EndpointExchange>(*this, std::move(head), /*grpc=*/false);
}

std::unique_ptr<http::Exchange> Server::open_call(const http::RequestHead& head) {
  const Route found = route(state_.grpc_methods(), head.method, head.path);
  return grpc::make_grpc_exchange(
      head.headers,
      {.open = [this,
                head] { return std::make_unique<EndpointExchange>(*this, head, /*grpc=*/true); },
       .message_bytes_max = options_.body_bytes_max,
       .error_message = found.endpoint == nullptr ? nullptr : found.endpoint->error_message});
}

http::Response Server::refuse(int status, const std::string& why) {
  return error_response(ErrorShape::kOpenAi, status, why);
}

}  // namespace accel::server
