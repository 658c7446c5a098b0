// An endpoint: one kind of request that the server answers. It is one file with two pure halves,
// from bytes to what is asked of the service and from its events to bytes, and one line in
// endpoints.cc. JSON begins and ends in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "server/http/message.h"
#include "service/inference_service.h"

namespace accel::server {

// What a key must allow for a request to be answered.
enum class Scope : uint8_t {
  kPublic,   // asked without a key: whether the server lives, what it offers
  kInfer,    // running models and looking at them
  kAdmin,    // pulling, loading and unloading them
  kMetrics,  // reading what the server counts
};

// How a protocol writes errors; errors.h has the forms.
enum class ErrorShape : uint8_t { kOpenAi, kKserve, kTei, kOllama, kCohere, kGrpc };

// What one request may ask for, beside the size of its body.
struct RequestLimits {
  uint64_t items_max = 2048;            // texts, images or sounds
  uint64_t tensor_bytes_max = 1 << 30;  // of all inputs together, as numbers
};

// A request as an endpoint sees it, during the call.
struct Asked {
  const http::RequestHead& head;
  // What stood for each {name} of the path, decoded, in order.
  const std::vector<std::string>& captured;
  std::string body;  // with 64 bytes of capacity beyond its size
  RequestLimits limits;
};

// Writes the answer of one call. A function of the events: it knows no clock, service or socket.
class Formatter {
 public:
  virtual ~Formatter() = default;

  // Of an answer that is written as its events come: its head, asked for before the first event.
  // Nothing: the answer is written when it is whole, by finish().
  virtual std::optional<http::ResponseHead> streams() { return std::nullopt; }
  // One event, in the order in which they come. What is to be written now is appended to `body`;
  // only of answers that stream. An error ends the call with that error.
  virtual Status take(service::Event event, std::string& body) = 0;
  // After the last event: the answer, or of one that streams only the rest of its body.
  virtual Result<http::Response> finish() = 0;
  // In place of finish(), when an error ends an answer that streams and whose head is out already.
  virtual std::string broken_off(const Status& status);
};

// What the service is to do for a request.
struct Call {
  service::Request request;
  std::unique_ptr<Formatter> formatter;
};

class ServerState;

struct Endpoint {
  std::string_view method;
  std::string_view path;  // "/v2/models/{model}/infer": what stands for {model} is one segment
  Scope scope = Scope::kInfer;
  ErrorShape errors = ErrorShape::kOpenAi;
  std::string_view summary;  // a sentence without its full stop, for the OpenAPI file
  // The OpenAPI description of body and answers: members of an operation object, as JSON.
  std::string_view operation = "{}";
  // One of the two. Errors are answered in the endpoint's shape.
  Result<Call> (*parse)(Asked asked) = nullptr;
  // Of what the server itself knows. Must not block.
  Result<http::Response> (*answer)(const Asked& asked, const ServerState& state) = nullptr;
  // Only of methods of gRPC (grpc/methods.h), and where a call may have many messages: each is a
  // request of its own, and this is what its error is as a message.
  std::string (*error_message)(const Status& status) = nullptr;
};

// By path and method.
std::span<const Endpoint> endpoints();

// "application/json"
extern const std::string kJsonType;

// A whole answer in JSON.
http::Response json_response(std::string body, int status = 200);

}  // namespace accel::server
