#include "accel/status.h"

#include <array>

namespace accel {
namespace {

struct CodeRow {
  std::string_view name;
  int exit;
};

// Indexed by StatusCode. Exit codes stay clear of the shell's 126-128; 130 is the shell's own for
// an interrupted program.
constexpr std::array<CodeRow, 17> kCodes{{
    {"OK", 0},
    {"CANCELLED", 130},
    {"UNKNOWN", 1},
    {"INVALID_ARGUMENT", 2},
    {"DEADLINE_EXCEEDED", 3},
    {"NOT_FOUND", 4},
    {"ALREADY_EXISTS", 5},
    {"PERMISSION_DENIED", 6},
    {"RESOURCE_EXHAUSTED", 7},
    {"FAILED_PRECONDITION", 8},
    {"ABORTED", 9},
    {"OUT_OF_RANGE", 10},
    {"UNIMPLEMENTED", 11},
    {"INTERNAL", 12},
    {"UNAVAILABLE", 13},
    {"DATA_LOSS", 14},
    {"UNAUTHENTICATED", 15},
}};

const CodeRow& row_of(StatusCode code) { return kCodes.at(static_cast<size_t>(code)); }

}  // namespace

std::string_view to_string(StatusCode code) { return row_of(code).name; }
int exit_code(StatusCode code) { return row_of(code).exit; }

Status::Status(StatusCode code, std::string message, std::optional<uint64_t> offset) {
  if (code != StatusCode::kOk) {
    rep_ = std::make_shared<const Rep>(Rep{code, std::move(message), offset});
  }
}

const std::string& Status::message() const {
  static const std::string empty;
  return rep_ ? rep_->message : empty;
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  return Status(rep_->code, std::string(context) + ": " + rep_->message, rep_->offset);
}

std::string Status::to_string() const {
  if (ok()) return "OK";
  return std::string(accel::to_string(rep_->code)) + ": " + rep_->message;
}

Status cancelled(std::string message) { return {StatusCode::kCancelled, std::move(message)}; }
Status invalid_argument(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message)};
}
Status deadline_exceeded(std::string message) {
  return {StatusCode::kDeadlineExceeded, std::move(message)};
}
Status not_found(std::string message) { return {StatusCode::kNotFound, std::move(message)}; }
Status already_exists(std::string message) {
  return {StatusCode::kAlreadyExists, std::move(message)};
}
Status permission_denied(std::string message) {
  return {StatusCode::kPermissionDenied, std::move(message)};
}
Status resource_exhausted(std::string message) {
  return {StatusCode::kResourceExhausted, std::move(message)};
}
Status failed_precondition(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message)};
}
Status out_of_range(std::string message) { return {StatusCode::kOutOfRange, std::move(message)}; }
Status unimplemented(std::string message) {
  return {StatusCode::kUnimplemented, std::move(message)};
}
Status internal_error(std::string message) { return {StatusCode::kInternal, std::move(message)}; }
Status unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }
Status data_loss(std::string message) { return {StatusCode::kDataLoss, std::move(message)}; }

}  // namespace accel
