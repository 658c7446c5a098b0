// InputResolver: images and recordings that a request names instead of sending them.
//
//   InputResolver inputs(std::move(options));
//   if (InputResolver::needs(run)) {
//     std::unique_ptr<Resolution> resolution = inputs.resolve(std::move(run), asker);
//     ...  // resolution->notify(waker), then take()
//   }
//
// What a URL may look like stands in input_url.h, from where it may be taken in host_rules.h and
// file_root.h. By default only data: is. Of http and https one GET is sent: without redirects,
// proxies, credentials and cookies, to an address that was looked at when it was connected to, so
// that a name cannot stand for another one meanwhile. Certificates are checked. All inputs of a
// request together may be as large as the body of one that sends them.
//
// Refusals, as HTTP has them: 400 what is no such URL, 403 a host, address, folder or kind of URL
// that is not allowed, 413 too large, 424 what does not answer with the file, 503 too much at a
// time, 504 too late.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "accel/status.h"
#include "base/stopwatch.h"
#include "server/inputs/file_root.h"
#include "server/inputs/host_rules.h"
#include "server/inputs/input_url.h"
#include "service/inference_service.h"

namespace accel::server {

// Of one scheme.
struct InputCounts {
  uint64_t taken = 0;
  uint64_t refused = 0;  // not allowed
  uint64_t failed = 0;   // anything else
};
using InputCountsByScheme = std::array<InputCounts, kInputSchemes>;  // by InputScheme

// Who asked, for those who look at the log.
struct InputAsker {
  std::string request_id;
  std::string visitor;
};

// One input that is no data URL, when it has been taken or was not.
struct InputRecord {
  InputAsker asker;
  std::string url;  // without its query, of what is no such URL its scheme
  int status = 200;
  std::string error;  // empty: none
  uint64_t bytes = 0;
  double ms = 0;
};
// Safe from any thread; must not block.
using InputObserver = std::function<void(const InputRecord& record)>;

struct InputOptions {
  HostRules hosts;                  // http and https; none: refused
  std::unique_ptr<FileRoot> files;  // null: refused
  std::string ca_file;              // of authorities for https; empty: the system's
  uint64_t bytes_max = 64 << 20;    // of all inputs of a request together
  // Of the inputs of all requests under way; beyond it more are refused.
  uint64_t held_bytes_max = 1ULL << 30;
  double fetch_seconds_max = 60;  // for one input, where the request may take longer
  int threads = 8;                // requests whose inputs are fetched at a time; others wait
  InputObserver observer = {};
};

struct InputRefusal {
  Status why;
  int status = 400;  // of HTTP
};

// The inputs of one request. Of its reader, one thread at a time.
class Resolution {
 public:
  using Outcome = std::variant<service::RunItems, InputRefusal>;

  // Ends what is under way; gives back the memory that is counted for the inputs.
  virtual ~Resolution() = default;
  // Once: the request with bytes in place of URLs, and what is left of its time. Nothing while
  // they are under way, and afterwards.
  virtual std::optional<Outcome> take() = 0;
  // `waker` is called once, from any thread, when take() has something; at once if so. It must not
  // block nor call this.
  virtual void notify(std::function<void()> waker) = 0;
};

// Safe from any thread. Outlives its resolutions.
class InputResolver {
 public:
  // UNAVAILABLE when there are hosts, but no libcurl.
  static Result<std::unique_ptr<InputResolver>> create(InputOptions options);
  ~InputResolver();
  InputResolver(const InputResolver&) = delete;
  InputResolver& operator=(const InputResolver&) = delete;

  // Whether an item is a URL.
  static bool needs(const service::RunItems& run);
  // Does not wait. What is refused, and data URLs, are so at once.
  std::unique_ptr<Resolution> resolve(service::RunItems run, InputAsker asker);
  InputCountsByScheme counts() const;

 private:
  class State;
  explicit InputResolver(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace accel::server
