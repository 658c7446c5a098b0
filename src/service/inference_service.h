// The waist: what a server, or any other front, asks of whatever computes.
//
//   std::unique_ptr<EventStream> stream = service.submit(RunItems{.model = "minilm", .items =
//   ...}); while (auto event = next(*stream)) ...  // waits; a server asks to be woken instead
//
// A service is an engine on this machine (engine/local_service.h), a cluster, or a double in a
// test; who asks cannot tell. Nothing here waits: a request is handed in, and its stream is looked
// at when the stream says so, so that a thousand requests need no thousand threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "accel/status.h"

namespace accel::service {

// --- what can be asked ---------------------------------------------------------------------------

// Models are named "name", "name:version" or by an alias.

// Items of a task, each answered by one ItemAnswer, in any order.
struct RunItems {
  std::string model;
  std::vector<TaskInput> items;
  SubmitOptions how;  // timeout_ms counts from submit(), loading the model included
};

// Tensors for a model's own graph, answered by one InferResult.
struct RunTensors {
  std::string model;
  NamedTensors inputs;
  std::optional<double> timeout_ms = std::nullopt;  // as that of items
};

// Texts as a model reads them, answered by one TokenizedTexts.
struct Tokenize {
  std::string model;
  std::vector<std::string> texts;
  bool special_tokens = true;
};

// Ids of tokens as text, answered by one DecodedTexts.
struct Decode {
  std::string model;
  std::vector<std::vector<int32_t>> ids;
  bool skip_special_tokens = true;
};

// Every model, or the one that is named, answered by one ServedModels. NOT_FOUND for a name that is
// not served.
struct Describe {
  std::string model;   // empty: every one
  bool facts = false;  // with ServedModel::facts, which are read from the model's files
};

// Answered by Done when the model is loaded, or when it will be unloaded as soon as it is idle.
struct Load {
  std::string model;
};
struct Unload {
  std::string model;
};

// A model of a hub to this machine and, under its name, among those that are served; answered by
// PullSteps as they come about, and by Done when it can be asked for. Those who pull the same share
// one download; when the last of them leaves it is broken off, and goes on with the next one.
// PERMISSION_DENIED where the service pulls nothing, or not this; RESOURCE_EXHAUSTED where it pulls
// as many as it may.
struct Pull {
  std::string model;  // "org/name" or "org/name@revision"
};

using Request = std::variant<RunItems, RunTensors, Tokenize, Decode, Describe, Load, Unload, Pull>;

// --- what comes back -----------------------------------------------------------------------------

struct ItemAnswer {
  size_t item = 0;  // its place in RunItems::items
  Result<ItemResult> result;
};

struct TokenizedTexts {
  std::vector<std::vector<TextToken>> texts;
};
struct DecodedTexts {
  std::vector<std::string> texts;
};

struct ServedModel {
  ManagedModel state;
  std::vector<int> versions = {};  // all of that name, ascending, its own among them
  std::vector<std::string> aliases;
  std::optional<ModelReport> facts;
  std::optional<ModelStatistics> statistics;  // of one that is loaded
};
struct ServedModels {
  std::vector<ServedModel> models;  // by name and version
};

// In this order, the second for each file and as often as there is news.
enum class PullStage : uint8_t {
  kListing,   // the hub is asked what there is
  kFile,      // so much of one is here
  kVerified,  // all are, and each has the hash that the hub lists
  kAdding,    // the model takes its place among those that are served
};
struct PullStep {
  PullStage stage = PullStage::kListing;
  std::string hash;    // of the file: 64 digits are its SHA-256, 40 that of its git blob
  uint64_t bytes = 0;  // here already, those of an earlier try too
  uint64_t bytes_total = 0;
};

struct Done {};

using Event = std::variant<ItemAnswer, InferResult, TokenizedTexts, DecodedTexts, ServedModels,
                           PullStep, Done>;

// The answers to one request, as they come. Used by one thread at a time.
class EventStream {
 public:
  virtual ~EventStream() = default;  // cancels what has not ended

  // The next event, or the error that ends the stream. Nothing while none is there, and after the
  // last.
  virtual std::optional<Result<Event>> try_next() = 0;
  // No event will come any more.
  virtual bool ended() const = 0;
  // `waker` is called once, from any thread, when try_next() has something or the stream has ended;
  // at once if so. It must not block nor call the stream. A later one takes the place of one that
  // was not called yet.
  virtual void notify(std::function<void()> waker) = 0;
};

// The next event of a stream, waiting for it; nothing after the last.
std::optional<Result<Event>> next(EventStream& stream);

// Safe from any thread.
class InferenceService {
 public:
  virtual ~InferenceService() = default;

  // Never waits: not for a model that is to be loaded, nor for a run, but for one so short as
  // SubmitOptions::here_ms allows. All errors come out of the stream, which may outlive the
  // service; then it ends with CANCELLED.
  virtual std::unique_ptr<EventStream> submit(Request request) = 0;
};

}  // namespace accel::service
