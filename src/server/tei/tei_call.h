// What the endpoints of Text Embeddings Inference have in common. The reference is the router of
// huggingface/text-embeddings-inference (router/src/http).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/collected_items.h"
#include "server/endpoint.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace accel::server {

struct TeiRequest {
  std::string model = "default";  // ours: the reference serves one model
  bool truncate = false;          // what is too long is cut; else refused
  bool cut_left = false;          // its beginning is to be cut
};

// Reads the members that most requests have (model, truncate, truncation_direction) and skips what
// has another name.
Status read_tei_member(std::string_view name, JsonValue& value, TeiRequest& request);

// Writes the answer to one item; all of them are there.
using TeiWriter = std::function<Status(const CollectedItems& items, size_t item, JsonWriter& json)>;

enum class TeiAnswer : uint8_t {
  kArray,  // of what is written for each item, in their order
  kAlone,  // what is written for the only item
};

// `run` needs no model. INVALID_ARGUMENT for a beginning that is to be cut, which no model does. An
// item that was cut without leave is answered with 413, as the reference does.
Result<Call> make_tei_call(TeiRequest request, service::RunItems run, TeiWriter write,
                           TeiAnswer answer = TeiAnswer::kArray);

}  // namespace accel::server
