// Status and Result<T>: how every call of accel says what went wrong.
//
//   accel::Result<accel::Tensor> tensor = read(path);
//   if (!tensor.ok()) { std::cerr << tensor.status().to_string() << '\n'; return; }
//   use(*tensor);
//
// Expected failures and hostile input are values; no exception crosses the public interface. The
// sixteen codes are the canonical ones shared with gRPC (same numbers); `exit_code()` maps them to
// the process exit codes listed in docs/reference/exit_codes.md.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#if defined(__GNUC__)
#define ACCEL_API [[gnu::visibility("default")]]
#else
#define ACCEL_API
#endif

namespace accel {

enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,           // the caller (or the reader of our output) went away
  kUnknown = 2,             // a foreign error that fits no other code
  kInvalidArgument = 3,     // the request itself is wrong, whatever the state of the system
  kDeadlineExceeded = 4,    // time ran out
  kNotFound = 5,            // a file, model, device or name is not there
  kAlreadyExists = 6,       // creating what exists
  kPermissionDenied = 7,    // the system or a policy said no
  kResourceExhausted = 8,   // disk, memory or a quota is full
  kFailedPrecondition = 9,  // right request, wrong state (e.g. model not loaded)
  kAborted = 10,            // a concurrent change won
  kOutOfRange = 11,         // past a valid range (e.g. a token id beyond the vocabulary)
  kUnimplemented = 12,      // known, but not available in this build
  kInternal = 13,           // our own bug
  kUnavailable = 14,        // a backend, device or component cannot be used now
  kDataLoss = 15,           // a file is truncated or corrupt
  kUnauthenticated = 16,    // no valid credentials
};

// "INVALID_ARGUMENT" and so on; never empty.
ACCEL_API std::string_view to_string(StatusCode code);

// Process exit code of a status code: 0 for kOk, distinct for each other code.
ACCEL_API int exit_code(StatusCode code);

// The outcome of a call. Copying is cheap (one shared pointer; success is a null pointer).
// Immutable and therefore safe to share between threads.
class [[nodiscard]] ACCEL_API Status {
 public:
  Status() = default;  // success

  // `message` says what was expected, what was found and what to do. `offset` is the position in
  // the input at fault, in bytes, when there is one.
  Status(StatusCode code, std::string message, std::optional<uint64_t> offset = std::nullopt);

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }

  // The message with its context: "reading a/config.json: expected an object at byte 3".
  const std::string& message() const;

  std::optional<uint64_t> offset() const { return rep_ ? rep_->offset : std::nullopt; }

  // The same error seen from one level up: puts "context: " before the message. No effect on ok.
  Status with_context(std::string_view context) const;

  // "NOT_FOUND: reading ...", or "OK".
  std::string to_string() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
    std::optional<uint64_t> offset;
  };
  std::shared_ptr<const Rep> rep_;
};

// Shorthands: `return invalid_argument("expected ..., found ...");`
ACCEL_API Status cancelled(std::string message);
ACCEL_API Status invalid_argument(std::string message);
ACCEL_API Status deadline_exceeded(std::string message);
ACCEL_API Status not_found(std::string message);
ACCEL_API Status already_exists(std::string message);
ACCEL_API Status permission_denied(std::string message);
ACCEL_API Status resource_exhausted(std::string message);
ACCEL_API Status failed_precondition(std::string message);
ACCEL_API Status out_of_range(std::string message);
ACCEL_API Status unimplemented(std::string message);
ACCEL_API Status internal_error(std::string message);
ACCEL_API Status unavailable(std::string message);
ACCEL_API Status data_loss(std::string message);

// A value or the reason why there is none. Reading the value of a failed result is a bug and
// aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}        // NOLINT: implicit by intent
  Result(Status status) : held_(std::move(status)) {  // NOLINT: implicit by intent
    if (std::get<Status>(held_).ok()) std::abort();   // an ok status carries no value
  }

  bool ok() const { return std::holds_alternative<T>(held_); }
  Status status() const { return ok() ? Status() : std::get<Status>(held_); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

 private:
  T& checked() {
    if (!ok()) std::abort();
    return std::get<T>(held_);
  }
  std::variant<T, Status> held_;
};

}  // namespace accel
