#include "service/inference_service.h"

#include <semaphore>

namespace accel::service {

std::optional<Result<Event>> next(EventStream& stream) {
  while (true) {
    if (std::optional<Result<Event>> event = stream.try_next()) return event;
    if (stream.ended()) return std::nullopt;
    const auto woken = std::make_shared<std::binary_semaphore>(0);
    stream.notify([woken] { woken->release(); });
    woken->acquire();
  }
}

}  // namespace accel::service
