#include "client/server_answer.h"

#include <fmt/format.h>

#include <array>

#include "base/json.h"

namespace accel::client {
namespace {

constexpr size_t kWordsMax = 400;
constexpr int kCodesMax = static_cast<int>(StatusCode::kUnauthenticated);

StatusCode code_of_http(int status) {
  constexpr std::array<std::pair<int, StatusCode>, 13> kCodes{{
      {400, StatusCode::kInvalidArgument},
      {401, StatusCode::kUnauthenticated},
      {403, StatusCode::kPermissionDenied},
      {404, StatusCode::kNotFound},
      {405, StatusCode::kUnimplemented},
      {408, StatusCode::kDeadlineExceeded},
      {409, StatusCode::kAborted},
      {413, StatusCode::kResourceExhausted},
      {429, StatusCode::kResourceExhausted},
      {500, StatusCode::kInternal},
      {501, StatusCode::kUnimplemented},
      {503, StatusCode::kUnavailable},
      {504, StatusCode::kDeadlineExceeded},
  }};
  for (const auto& [number, code] : kCodes) {
    if (number == status) return code;
  }
  return status > 400 && status < 500 ? StatusCode::kInvalidArgument : StatusCode::kUnavailable;
}

StatusCode code_of(const hub::HttpAnswer& answer) {
  const std::string_view name = answer.header("x-accel-status");
  for (int number = 1; number <= kCodesMax; ++number) {
    const auto code = static_cast<StatusCode>(number);
    if (name == to_string(code)) return code;
  }
  return code_of_http(answer.code);
}

// {"error": "..."} of most protocols, {"error": {"message": "..."}} of OpenAI's; else the
// beginning of what is no page for people.
std::string words_of(const std::string& body) {
  const Result<Json> json = parse_json(body);
  if (json.ok() && json->is_object() && json->contains("error")) {
    const Json& error = (*json)["error"];
    if (error.is_string()) return error.get<std::string>();
    if (error.is_object() && error.contains("message") && error["message"].is_string()) {
      return error["message"].get<std::string>();
    }
  }
  return body.starts_with('<') ? "" : body.substr(0, kWordsMax);
}

}  // namespace

Status status_of(const hub::HttpAnswer& answer) {
  if (answer.code == 200) return {};
  std::string words = words_of(answer.body);
  if (words.empty()) words = fmt::format("expected an answer, found HTTP {}", answer.code);
  const StatusCode code = code_of(answer);
  if (code == StatusCode::kUnauthenticated) {
    words += "; give its key as --key or in ACCEL_SERVER_KEY";
  }
  return {code, std::move(words)};
}

RunReport report_of(const hub::HttpAnswer& answer, const std::string& server,
                    const std::string& model) {
  RunReport report{.model = model,
                   .backend = std::string(answer.header("x-accel-backend")),
                   .device = std::string(answer.header("x-accel-device")),
                   .fallback = !answer.header("x-accel-fallback").empty(),
                   .fallback_reason = std::string(answer.header("x-accel-fallback")),
                   .simulated = answer.header("x-accel-simulated") == "true"};
  report.server = server;
  const Result<Precision> precision = parse_precision(answer.header("x-accel-precision"));
  if (precision.ok()) report.precision = *precision;
  return report;
}

}  // namespace accel::client
