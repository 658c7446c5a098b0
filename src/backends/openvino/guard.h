// The one place where the engine's exceptions become statuses.
#pragma once

#include <exception>
#include <new>
#include <openvino/core/except.hpp>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::backend {

// The engine's messages carry source positions line by line; the last line tells the cause.
std::string engine_message(std::string_view what);

// Runs `call`, which returns a Status or Result; an exception becomes `code` with "action: message".
template <class Call>
auto guarded(std::string_view action, StatusCode code, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return resource_exhausted(std::string(action) + ": out of memory");
  } catch (const std::exception& exception) {
    return Status(code, std::string(action) + ": " + engine_message(exception.what()));
  }
}

}  // namespace accel::backend
