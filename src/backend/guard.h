// The one place where an engine's exceptions become statuses.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::backend {

// The cause in an engine's message: OpenVINO writes a trail of source positions and nodes line by
// line, and the reason in the last one.
std::string engine_message(std::string_view what);

// Runs `call`, which returns a Status or a Result; an exception becomes `code` with
// "action: cause", exhausted memory RESOURCE_EXHAUSTED.
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
