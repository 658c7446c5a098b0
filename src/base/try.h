// The early-return macros for Status and Result, and the check for our own bugs.
#pragma once

#include "accel/status.h"

#define ACCEL_CONCAT_INNER(a, b) a##b
#define ACCEL_CONCAT(a, b) ACCEL_CONCAT_INNER(a, b)

// Returns the status from the calling function unless it is ok. Its variable has a name of its own,
// for `expression` may be a lambda with further ones inside.
#define ACCEL_TRY(expression) ACCEL_TRY_IMPL(ACCEL_CONCAT(status_, __COUNTER__), expression)
#define ACCEL_TRY_IMPL(status, expression)                     \
  do {                                                         \
    if (::accel::Status status = (expression); !status.ok()) { \
      return status;                                           \
    }                                                          \
  } while (false)

// ACCEL_ASSIGN(auto config, read_config(path)); declares or assigns, or returns the status.
#define ACCEL_ASSIGN(target, expression) \
  ACCEL_ASSIGN_IMPL(ACCEL_CONCAT(result_, __LINE__), target, expression)
#define ACCEL_ASSIGN_IMPL(result, target, expression) \
  auto result = (expression);                         \
  if (!result.ok()) return result.status();           \
  target = std::move(result).value()
