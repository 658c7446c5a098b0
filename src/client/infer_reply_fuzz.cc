// Whatever bytes a server answers with, they are refused, or become answers that hold what they
// say.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/infer_message.h"
#include "client/remote_model.h"
#include "client/server_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const int length = data[0] * 256 + data[1];
  (void)accel::client::parse_facts(body);
  (void)accel::client::parse_model_names(body);
  (void)accel::client::status_of({.code = length, .body = body});
  const auto reply = accel::client::parse_infer_reply(body, std::to_string(length));
  if (!reply.ok()) return 0;
  for (const char* task : {"image-segmentation", "object-detection", "feature-extraction"}) {
    const auto result = accel::client::result_of(*reply, task);
    if (!result.ok()) continue;
    const auto* map = std::get_if<accel::Segmentation>(&result->answer);
    if (map != nullptr && map->classes.size() != size_t(map->width) * size_t(map->height)) {
      std::abort();
    }
  }
  const auto texts = accel::client::embeddings_of(*reply, 1);
  if (texts.ok() && texts->embeddings.shape()[0] != 1) std::abort();
  return 0;
}
