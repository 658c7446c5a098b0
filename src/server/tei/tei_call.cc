#include "server/tei/tei_call.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/try.h"
#include "server/errors.h"

namespace accel::server {
namespace {

class TeiFormatter : public Formatter {
 public:
  TeiFormatter(size_t count, bool truncate, TeiWriter write, TeiAnswer answer)
      : truncate_(truncate), write_(std::move(write)), answer_(answer), collected_(count) {}

  Status take(service::Event event, std::string&) override {
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    for (size_t i = 0; i < collected_.items().size() && !truncate_; ++i) {
      if (collected_.items()[i].result.truncated) return refuse_cut(i);
    }
    std::string body;
    JsonWriter json(body);
    ACCEL_TRY(answer_ == TeiAnswer::kAlone ? write_(collected_, 0, json) : write_array(json));
    return json_response(std::move(body));
  }

 private:
  Status write_array(JsonWriter& json) const {
    Status failure;
    json.array([&] {
      for (size_t i = 0; i < collected_.items().size() && failure.ok(); ++i) {
        failure = write_(collected_, i, json);
      }
    });
    return failure;
  }

  http::Response refuse_cut(size_t item) const {
    const std::string place = collected_.items().size() == 1 ? "" : fmt::format("[{}]", item);
    return error_response(
        ErrorShape::kTei, 413,
        fmt::format(
            "`inputs{}` must have no more tokens than the model reads, which is the "
            "\"max_input_length\" of GET /info; with \"truncate\": true the rest is dropped",
            place));
  }

  const bool truncate_;
  const TeiWriter write_;
  const TeiAnswer answer_;
  CollectedItems collected_;
};

Status read_direction(JsonValue& value, bool& cut_left) {
  std::optional<std::string> direction;
  ACCEL_TRY(value.read(direction));
  cut_left = direction == "Left" || direction == "left";
  if (!direction || cut_left || *direction == "Right" || *direction == "right") return {};
  return invalid_argument(fmt::format(
      "truncation_direction: expected \"Left\" or \"Right\", found \"{}\"", *direction));
}

}  // namespace

Status read_tei_member(std::string_view name, JsonValue& value, TeiRequest& request) {
  if (name == "truncation_direction") return read_direction(value, request.cut_left);
  if (name == "truncate") {
    std::optional<bool> truncate;
    ACCEL_TRY(value.read(truncate));
    request.truncate = truncate.value_or(false);
    return {};
  }
  if (name == "model") {
    std::optional<std::string> model;
    ACCEL_TRY(value.read(model));
    if (model && !model->empty()) request.model = std::move(*model);
    return {};
  }
  return value.skip();
}

Result<Call> make_tei_call(TeiRequest request, service::RunItems run, TeiWriter write,
                           TeiAnswer answer) {
  if (request.truncate && request.cut_left) {
    return invalid_argument(
        "truncation_direction: expected \"Right\", found \"Left\"; the end of a long text is "
        "dropped, not its beginning: cut it before it is sent");
  }
  auto formatter =
      std::make_unique<TeiFormatter>(run.items.size(), request.truncate, std::move(write), answer);
  run.model = std::move(request.model);
  return Call{std::move(run), std::move(formatter)};
}

}  // namespace accel::server
