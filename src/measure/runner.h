// Runs a scenario and keeps what each query took. It knows the model through one function only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "accel/engine.h"
#include "measure/scenario.h"

namespace accel::measure {

// Where the time of a query went, in seconds. What is none of the last three is `queue`: waiting
// for a turn, a thread or a session, and being handed from one thread to the next. Where several
// threads worked for a query at the same time, each part has its share of the whole, so the sum
// always is the latency.
struct Phases {
  double queue = 0;
  double prepare = 0;  // tokenising, decoding, scaling
  double infer = 0;
  double finish = 0;
  double sum() const { return queue + prepare + infer + finish; }
};

// What a call did.
struct Reply {
  double prepare = 0;  // seconds, summed over threads
  double infer = 0;
  double finish = 0;
  uint64_t tokens = 0;         // of texts, special ones included; 0 where nobody counts
  uint64_t padded_tokens = 0;  // computed and thrown away
  RunReport report;
};

// Answers `items` together and waits for it. Called from many threads at once. An item that fails
// fails the call: there is no sense in timing failures.
using Call = std::function<Result<Reply>(std::span<const TaskInput> items)>;

// embed() of the texts of the items, and run(). `model` outlives the call.
Call embed_call(Model& model, EmbedOptions options);
Call run_call(Model& model, RunOptions options);

struct Plan {
  Scenario scenario = Scenario::kSingleStream;
  double seconds = 10;    // of measuring: no query begins later
  uint64_t queries = 0;   // as many instead, however long it takes; 0: by time
  int clients = 1;        // of kClients
  size_t together = 8;    // items of a query of kMultiStream
  double per_second = 0;  // of kServer: items that arrive
  uint64_t seed = 1;      // of their arrivals
};

// A query measured; moments in seconds since measuring began.
struct Query {
  double due = 0;    // when it was to begin: of kServer its arrival, else when it began
  double began = 0;  // when somebody had time for it
  double ended = 0;
  size_t items = 1;
  Phases phases;  // from `due` on
  double latency() const { return ended - due; }
};

// A reading of this process's resident memory.
struct MemoryReading {
  double at = 0;
  uint64_t bytes = 0;
};

struct Recording {
  std::vector<Query> queries;  // by their end
  double wall_s = 0;           // from the begin of measuring to the last answer
  uint64_t items = 0;
  uint64_t tokens = 0;
  uint64_t padded_tokens = 0;
  uint64_t turns = 1;                 // queries after which the same items come again
  std::vector<MemoryReading> memory;  // every 20 ms, and at the end
  // The warm-up before, whose queries are not among the others.
  uint64_t warmup_queries = 0;
  double warmup_s = 0;
  double first_s = 0;  // latency of the very first query
  RunReport report;
};

// Warms up, then measures. Every item has been answered once before the first counts, unless that
// takes longer than measuring will. Queries take the items in turn; there is at least one item.
//
// Of kServer, arrivals are fixed beforehand and latency counts from them, so that a model that
// stalls does not put off the queries that would have shown it (coordinated omission); at most 64
// are answered at the same time, the others wait and their waiting counts.
Result<Recording> run_scenario(const Plan& plan, std::span<const TaskInput> items,
                               const Call& call);

}  // namespace accel::measure
