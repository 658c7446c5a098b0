#include "server/errors.h"

#include <array>
#include <cctype>

#include "server/grpc/status_headers.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

constexpr int kRetrySeconds = 1;

struct CodeOfHttp {
  int status;
  StatusCode code;
};

// Of errors that begin as a number of HTTP's.
constexpr std::array<CodeOfHttp, 13> kCodesOfHttp{{
    {401, StatusCode::kUnauthenticated},
    {403, StatusCode::kPermissionDenied},
    {404, StatusCode::kNotFound},
    {405, StatusCode::kUnimplemented},
    {408, StatusCode::kDeadlineExceeded},
    {409, StatusCode::kFailedPrecondition},
    {413, StatusCode::kResourceExhausted},
    {424, StatusCode::kFailedPrecondition},
    {429, StatusCode::kResourceExhausted},
    {500, StatusCode::kInternal},
    {501, StatusCode::kUnimplemented},
    {503, StatusCode::kUnavailable},
    {504, StatusCode::kDeadlineExceeded},
}};

StatusCode code_of(int status) {
  for (const CodeOfHttp& row : kCodesOfHttp) {
    if (row.status == status) return row.code;
  }
  return status >= 500 ? StatusCode::kInternal : StatusCode::kInvalidArgument;
}

// As OpenAI names kinds of errors.
std::string_view openai_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

// As Text Embeddings Inference names them.
std::string_view tei_type(int status) {
  switch (status) {
    case 424: return "Backend";
    case 429: return "Overloaded";
    case 503: return "Unhealthy";
    default: return status >= 500 ? "Backend" : "Validation";
  }
}

// Its own statuses; 0: that of all others.
int tei_status(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument: return 422;
    case StatusCode::kOutOfRange: return 413;
    case StatusCode::kFailedPrecondition:
    case StatusCode::kUnimplemented:
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kDataLoss: return 424;
    case StatusCode::kResourceExhausted: return 429;
    default: return 0;
  }
}

std::string lower_name(StatusCode code) {
  std::string name(to_string(code));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

http::Response response_of(ErrorShape shape, int status, StatusCode code,
                           const std::string& message) {
  http::Response response =
      shape == ErrorShape::kGrpc
          ? http::Response{.status = status, .headers = grpc::status_headers({code, message})}
          : json_response(error_body(shape, status, code, message), status);
  response.headers.push_back({"x-accel-status", std::string(to_string(code))});
  if (status == 429 || status == 503) {
    response.headers.push_back({"retry-after", std::to_string(kRetrySeconds)});
  }
  return response;
}

}  // namespace

int http_status(ErrorShape shape, StatusCode code) {
  const int own = shape == ErrorShape::kTei ? tei_status(code) : 0;
  if (own != 0) return own;
  switch (code) {
    case StatusCode::kOk: return 200;
    case StatusCode::kCancelled: return 499;
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange: return 400;
    case StatusCode::kDeadlineExceeded: return 504;
    case StatusCode::kNotFound: return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted: return 409;
    case StatusCode::kPermissionDenied: return 403;
    // Memory or a queue that is full, not a client's quota.
    case StatusCode::kResourceExhausted: return 503;
    case StatusCode::kFailedPrecondition: return 400;
    case StatusCode::kUnimplemented: return 501;
    case StatusCode::kUnavailable: return 503;
    case StatusCode::kUnauthenticated: return 401;
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kDataLoss: return 500;
  }
  return 500;
}

std::string error_body(ErrorShape shape, int status, StatusCode code, const std::string& message) {
  std::string body;
  JsonWriter json(body);
  json.object([&] {
    switch (shape) {
      case ErrorShape::kOpenAi:
        json.name("error");
        json.object([&] {
          json.member("message", message);
          json.member("type", openai_type(status));
          json.name("param");
          json.null();
          json.member("code", lower_name(code));
        });
        break;
      case ErrorShape::kKserve:
      case ErrorShape::kOllama: json.member("error", message); break;
      case ErrorShape::kTei:
        json.member("error", message);
        json.member("error_type", tei_type(status));
        break;
      case ErrorShape::kCohere: json.member("message", message); break;
      case ErrorShape::kGrpc: break;  // has no body
    }
  });
  return body;
}

http::Response error_response(ErrorShape shape, const Status& status) {
  return response_of(shape, http_status(shape, status.code()), status.code(), status.message());
}

http::Response error_response(ErrorShape shape, int status, const std::string& message) {
  const bool busy = shape == ErrorShape::kTei && status == 503;
  return response_of(shape, busy ? 429 : status, code_of(status), message);
}

}  // namespace accel::server
