// How a client of a server speaks, beneath `./dev bench serve`: requests to bytes, bytes to
// answers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "base/json.h"

namespace accel::bench {

struct TalkAnswer {
  bool refused = false;  // the server has too much to do
  std::string body;
};

// Of one connection, on which one request is under way at a time.
class Talk {
 public:
  virtual ~Talk() = default;
  // The bytes that ask for the text.
  virtual std::string ask(const std::string& text) = 0;
  // Takes what came; bytes that are to be sent because of it are appended to `reply`. The answer,
  // when it is whole; UNAVAILABLE for one that is another error than a refusal.
  virtual Result<std::optional<TalkAnswer>> hear(std::string_view bytes, std::string& reply) = 0;
};

// `request` has "target", and "before" and "after", between which the text stands as JSON; with
// "json" it is JSON already, such as an array of texts.
std::unique_ptr<Talk> make_http_talk(const Json& request);
// ModelInfer of the model "default", by nghttp2.
std::unique_ptr<Talk> make_grpc_talk();

}  // namespace accel::bench
